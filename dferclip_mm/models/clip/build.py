"""CLIP models from open_clip, built by name or dimensions, and their tokenizer."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping
from typing import Any

import open_clip

from .weights import find_weights, load_weights


def build_clip(arch: str | Mapping[str, Any], pretrained: str | None = None) -> Any:
    """An open_clip model with its two towers as ``.visual`` and ``.text``, in float32.

    Args:
        arch: the name of an open_clip architecture (``'ViT-B-32'``), or an open_clip model
            description (``embed_dim``, ``vision_cfg``, ``text_cfg``, ``quick_gelu``) as a dict.
        pretrained: an open_clip tag (``'openai'``), the path of a weights file or of a folder
            with one, or None for random weights. A tag is downloaded once on each machine, into
            open_clip's cache.

    Raises:
        ValueError: when open_clip does not know the architecture or the tag, the text tower is
            built by transformers, the weights' activation differs from the architecture's, or a
            file does not fit or cannot be downloaded.
    """
    config = _describe(arch)
    name = arch if isinstance(arch, str) else None
    path, quick = None, bool(config.get('quick_gelu'))
    if pretrained is not None:
        path, quick = find_weights(pretrained, name, config)
    config['quick_gelu'] = quick
    config.pop('custom_text', None)
    # Not open_clip.create_model: it would log that weights loaded later are missing.
    kind = open_clip.CoCa if 'multimodal_cfg' in config else open_clip.CustomTextCLIP
    model = kind(**config)
    if path is not None:
        load_weights(model, path, name or 'the given dimensions')
    return model


def embed_dim(arch: str | Mapping[str, Any]) -> int:
    """D, the width of an architecture's features."""
    return int(_describe(arch)['embed_dim'])


def build_tokenizer(arch: str | Mapping[str, Any]) -> open_clip.SimpleTokenizer:
    """The tokenizer of an architecture with CLIP's own byte-pair vocabulary.

    Raises:
        ValueError: when the architecture has another vocabulary.
    """
    other = _describe(arch).get('text_cfg', {}).get('hf_tokenizer_name')
    if other:
        raise ValueError(
            f'arch={shown(arch)} has the vocabulary of {other}: text prompts need '
            "CLIP's own byte-pair vocabulary, as ViT-B-32, ViT-B-16 and ViT-L-14 have"
        )
    return clip_tokenizer()


@functools.cache
def clip_tokenizer() -> open_clip.SimpleTokenizer:
    """CLIP's tokenizer: reading its vocabulary takes longer than building a small model."""
    return open_clip.SimpleTokenizer()


def _describe(arch: str | Mapping[str, Any]) -> dict[str, Any]:
    """The open_clip description of an architecture that can be built."""
    config = open_clip.get_model_config(arch) if isinstance(arch, str) else _plain(arch)
    if config is None:
        known = open_clip.list_models()
        raise ValueError(
            f'arch={arch!r} is not an open_clip architecture; did you mean '
            f'{", ".join(difflib.get_close_matches(str(arch), known, n=3, cutoff=0.3))}?'
        )
    foreign = config.get('text_cfg', {}).get('hf_model_name')
    if foreign:
        raise ValueError(
            f'arch={shown(arch)} has the text tower {foreign}, which is built by transformers: '
            "use an architecture with CLIP's own text tower, such as ViT-B-32, ViT-B-16 or ViT-L-14"
        )
    return config


def shown(arch: str | Mapping[str, Any]) -> str:
    """An architecture for messages."""
    return repr(arch) if isinstance(arch, str) else 'the given dimensions'


def _plain(arch: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without MMEngine's ConfigDict, and the `_delete_` that it leaves in some configs."""

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if key != '_delete_'}

    return json.loads(json.dumps(arch), object_pairs_hook=keep)
