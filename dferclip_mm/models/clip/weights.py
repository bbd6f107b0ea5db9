"""CLIP weights: found by tag, file or folder, with the activation that they were trained with."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import open_clip
import torch
from huggingface_hub import constants
from mmengine.dist import barrier
from mmengine.logging import print_log
from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
from open_clip.model import convert_to_custom_text_state_dict
from torch import nn

from ...checkpoints.load import is_torchscript, verify_zip_checksums, weights_only_load

# In a folder, in this order.
_NAMES = (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME, 'model.safetensors', 'pytorch_model.bin')
# Settings of a description that may differ from the model's: those of training, and sizes between
# which open_clip interpolates the positions.
_FREE = re.compile(r'\w+\.(image_size|context_length|\w*(drop|dropout|drop_path|pretrained))')


def find_weights(pretrained: str, name: str | None, config: Mapping[str, Any]) -> tuple[Path, bool]:
    """The weights file, and whether its weights were trained with QuickGELU.

    A weights file does not record the activation. A tag does, and so do the checksum of OpenAI's
    own files and the description beside a file (``open_clip_config.json``). Without any of these,
    a warning is logged.

    Args:
        pretrained: an open_clip tag, a file, or a folder with one.
        name: of the architecture, or None when it was given by its dimensions.
        config: the architecture's open_clip description.

    Raises:
        ValueError: when there is no such file or tag, a tag cannot be downloaded, or the
            architecture is not that of the weights.
    """
    quick = bool(config.get('quick_gelu'))
    tag = open_clip.get_pretrained_cfg(name, pretrained) if name else {}
    if tag:
        return _download(pretrained, str(name), tag), bool(tag.get('quick_gelu'))
    path = _find_file(pretrained, name)
    if is_torchscript(path):
        # OpenAI's own, or it is refused when it is read.
        return path, True
    description = path.with_name(HF_CONFIG_NAME)
    if description.is_file():
        _check_description(description, name, config)
    elif name or 'quick_gelu' not in config:
        warn_of_activation(path, name, quick)
    return path, quick


def load_weights(model: nn.Module, path: Path, arch: str) -> None:
    """Load a weights file into a model, strictly, without running code of the file.

    Raises:
        ValueError: when the file is damaged, would run code, or does not fit.
    """
    try:
        if is_torchscript(path):
            state = convert_to_custom_text_state_dict(read_openai_file(path))
            model.load_state_dict(state, strict=True)
        else:
            verify_zip_checksums(path)
            # After a TypeError, open_clip reads a file again without ``weights_only``.
            with weights_only_load():
                open_clip.load_checkpoint(model, str(path), strict=True)
    except Exception as error:  # open_clip passes on whatever torch, zip and pickle raise
        reason = ' '.join(str(error).split())
        if '"vision_model.' in reason or '"text_model.' in reason:
            reason = (
                "it is in the layout of Hugging Face's transformers: take the file in open_clip's "
                f"layout, which open_clip's repositories name {HF_SAFE_WEIGHTS_NAME} or "
                f'{HF_WEIGHTS_NAME}'
            )
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) does not hold CLIP weights that fit '
            f'{arch}: {reason[:600]}'
        ) from error


def openai_checksums() -> set[str]:
    """The SHA-256 of each file that OpenAI published, from the addresses in open_clip's table."""
    models = open_clip.list_pretrained_models_by_tag('openai')
    return {open_clip.get_pretrained_url(model, 'openai').split('/')[-2] for model in models}


def read_openai_file(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of one of OpenAI's files.

    Loading a TorchScript archive runs its code, so any other archive is refused.

    Raises:
        ValueError: when the file is not one of these.
    """
    content = path.read_bytes()
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


@functools.cache
def warn_of_activation(path: Path, name: str | None, quick: bool) -> None:
    """Warn once of each file whose activation is unknown."""
    used, other = 'the given dimensions', 'quick_gelu=True among them'
    if name is not None:
        twin = name.removesuffix('-quickgelu') if quick else f'{name}-quickgelu'
        if open_clip.get_model_config(twin) is None:
            return
        used, other = f'arch={name!r}', f'arch={twin!r}'
    print_log(
        f"{path} does not record whether its weights were trained with QuickGELU (OpenAI's were) "
        f'or GELU: {used} uses {"QuickGELU" if quick else "GELU"}. If that is wrong, set {other}. '
        f'With the {HF_CONFIG_NAME} of the weights beside the file, this would be checked',
        logger='current',
        level=logging.WARNING,
    )


def _download(pretrained: str, name: str, tag: Mapping[str, Any]) -> Path:
    # One process of each machine downloads; the others find the file in the cache.
    first = int(os.environ.get('LOCAL_RANK', 0)) == 0
    try:
        if not first:
            barrier()
        path = Path(open_clip.download_pretrained(tag))
        if first:
            barrier()
        return path
    except Exception as error:  # whatever the hub and the network raise
        repository, _, file = tag['hf_hub'].rpartition('/')
        reason = ' '.join(str(error).split())[:300]
        if constants.HF_HUB_OFFLINE:
            reason = 'offline mode is set'
        raise ValueError(
            f'the weights pretrained={pretrained!r} of {name} cannot be downloaded ({reason}): '
            f'copy {file or HF_SAFE_WEIGHTS_NAME} of https://huggingface.co/{repository} to this '
            'machine, and set model.backbone.pretrained and '
            'model.cls_head.text_encoder.pretrained to its path'
        ) from error


def _find_file(pretrained: str, name: str | None) -> Path:
    path = Path(pretrained).expanduser()
    if path.is_dir():
        found = next((path / known for known in _NAMES if (path / known).is_file()), None)
        if found is None:
            raise ValueError(
                f'the folder pretrained={pretrained!r} holds no weights file: expected '
                f'{HF_SAFE_WEIGHTS_NAME} or {HF_WEIGHTS_NAME}; name a file of another name itself'
            )
        return found
    if not path.is_file():
        tags = open_clip.list_pretrained_tags_by_model(name) if name else []
        raise ValueError(
            f'pretrained={pretrained!r} is neither a weights file nor a folder with one'
            + (f' nor a tag of {name}: its tags are {", ".join(tags)}' if tags else '')
        )
    return path


def _check_description(file: Path, name: str | None, config: Mapping[str, Any]) -> None:
    """Compare the description beside a weights file with the architecture."""
    try:
        found = _settings(json.loads(file.read_text(encoding='utf-8'))['model_cfg'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{file} is no description of a CLIP, as open_clip writes it ({error!r:.200}): '
            'remove it, or copy it again'
        ) from error
    ours = _settings(config)
    differing = [key for key in ours if not _FREE.fullmatch(key) and ours[key] != found[key]]
    if not differing:
        return
    known = ((each, open_clip.get_model_config(each)) for each in open_clip.list_models())
    right = next((repr(each) for each, cfg in known if _settings(cfg) == found), 'its model_cfg')
    used = f'arch={name!r}' if name else 'arch'
    raise ValueError(
        f'{file} says {", ".join(f"{key}={found[key]}" for key in differing)}, and {used} '
        f'{", ".join(f"{key}={ours[key]}" for key in differing)}: set arch={right}'
    )


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a description by name, open_clip's defaults included."""
    towers = {'vision_cfg': open_clip.CLIPVisionCfg, 'text_cfg': open_clip.CLIPTextCfg}
    found = {'embed_dim': config['embed_dim'], 'quick_gelu': bool(config.get('quick_gelu'))}
    for tower, kind in towers.items():
        for key, value in asdict(kind(**config[tower])).items():
            found[f'{tower}.{key}'] = list(value) if isinstance(value, tuple) else value
    return found
