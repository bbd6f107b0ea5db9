"""OpenAI's own CLIP files: TorchScript archives, recognised by their published checksums."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import open_clip
import torch


def openai_checksums() -> set[str]:
    """The SHA-256 of each file that OpenAI published, from the addresses in open_clip's table."""
    models = open_clip.list_pretrained_models_by_tag('openai')
    return {open_clip.get_pretrained_url(model, 'openai').split('/')[-2] for model in models}


def read_openai_file(path: str | Path) -> dict[str, torch.Tensor]:
    """The state dict of one of OpenAI's files.

    Loading a TorchScript archive runs its code, so any other archive is refused.

    Raises:
        ValueError: when the file is not one of these.
    """
    content = Path(path).read_bytes()
    trusted = openai_checksums()
    if hashlib.sha256(content).hexdigest() not in trusted:
        raise ValueError(
            'it is a TorchScript archive, which would run code when loaded, and not one of the '
            f'{len(trusted)} files that OpenAI published: save its state_dict() with torch.save'
        )
    state = torch.jit.load(io.BytesIO(content), map_location='cpu').state_dict()
    # Constants of the program that open_clip's models compute themselves.
    for name in ('input_resolution', 'context_length', 'vocab_size', 'attn_mask'):
        state.pop(name, None)
    return state
