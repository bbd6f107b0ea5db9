"""CLIP models from open_clip: built by name or dimensions, loaded by tag or from a file."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from mmengine.dist import barrier
from open_clip.model import convert_to_custom_text_state_dict
from torch import nn

from ...checkpoints.load import is_torchscript, is_zip, verify_zip_checksums
from .openai_file import read_openai_file


def build_clip(arch: str | Mapping[str, Any], pretrained: str | None = None) -> Any:
    """An open_clip model with its two towers as ``.visual`` and ``.text``, in float32.

    Args:
        arch: the name of an open_clip architecture (``'ViT-B-32'``), or an open_clip model
            description (``embed_dim``, ``vision_cfg``, ``text_cfg``, ``quick_gelu``) as a dict.
        pretrained: an open_clip tag (``'openai'``), the path of a weights file, or None for
            random weights. A tag is downloaded once on each machine, into open_clip's cache.

    Raises:
        ValueError: when open_clip does not know the architecture or the tag, the tag's activation
            differs from the architecture's, or a file does not fit.
    """
    # One process of each machine downloads; the others find the file in the cache.
    downloads = int(os.environ.get('LOCAL_RANK', 0)) == 0
    if not downloads:
        barrier()
    model = _build_clip(arch, pretrained)
    if downloads:
        barrier()
    return model


def build_tokenizer(arch: str | Mapping[str, Any]) -> open_clip.SimpleTokenizer:
    """The tokenizer of an architecture with CLIP's own byte-pair vocabulary.

    Raises:
        ValueError: when the architecture has another vocabulary.
    """
    if isinstance(arch, str):
        tokenizer = open_clip.get_tokenizer(arch)
    else:
        text_cfg = arch.get('text_cfg', {})
        tokenizer = _clip_tokenizer(text_cfg.get('context_length', 77))
    if not isinstance(tokenizer, open_clip.SimpleTokenizer):
        raise ValueError(
            f'arch={arch!r} has the tokenizer {type(tokenizer).__name__}: text prompts need '
            "CLIP's own byte-pair vocabulary, as ViT-B-32, ViT-B-16 and ViT-L-14 have"
        )
    return tokenizer


@functools.cache
def _clip_tokenizer(context_length: int) -> open_clip.SimpleTokenizer:
    # Reading the vocabulary takes longer than building a small model.
    return open_clip.SimpleTokenizer(context_length=context_length)


def _build_clip(arch: str | Mapping[str, Any], pretrained: str | None) -> Any:
    if not isinstance(arch, str):
        model = open_clip.CustomTextCLIP(**_to_dict(arch))
        if pretrained is not None:
            _load(model, pretrained, arch='the given dimensions')
        return model
    if open_clip.get_model_config(arch) is None:
        known = open_clip.list_models()
        raise ValueError(
            f'arch={arch!r} is not an open_clip architecture; did you mean '
            f'{", ".join(difflib.get_close_matches(arch, known, n=3, cutoff=0.3))}?'
        )
    if pretrained is None:
        return open_clip.create_model(arch, force_custom_text=True)
    tag = open_clip.get_pretrained_cfg(arch, pretrained)
    if not tag:
        # The weights of OpenAI's own files were trained with QuickGELU.
        quick_gelu = is_torchscript(pretrained)
        model = open_clip.create_model(arch, force_custom_text=True, force_quick_gelu=quick_gelu)
        _load(model, pretrained, arch)
        return model
    if not tag.get('quick_gelu') and open_clip.get_model_config(arch).get('quick_gelu'):
        raise ValueError(
            f'arch={arch!r} uses QuickGELU but pretrained={pretrained!r} was trained without: '
            f'use arch={arch.removesuffix("-quickgelu")!r}'
        )
    # open_clip only warns when the weights need QuickGELU and the architecture lacks it.
    return open_clip.create_model(
        arch,
        pretrained,
        force_custom_text=True,
        force_quick_gelu=bool(tag.get('quick_gelu')),
    )


def _load(model: nn.Module, path: str, arch: str) -> None:
    if not Path(path).is_file():
        tags = open_clip.list_pretrained_tags_by_model(arch)
        raise ValueError(
            f'pretrained={path!r} is neither a weights file nor a tag of {arch}'
            + (f': its tags are {", ".join(tags)}' if tags else '')
        )
    try:
        if is_torchscript(path):
            state = convert_to_custom_text_state_dict(read_openai_file(path))
            model.load_state_dict(state, strict=True)
        else:
            verify_zip_checksums(path)
            _check_weights_only(path)
            open_clip.load_checkpoint(model, path, strict=True)
    except Exception as error:  # open_clip passes on whatever torch, zip and pickle raise
        reason = ' '.join(str(error).split())
        raise ValueError(
            f'{path} ({Path(path).stat().st_size} bytes) does not hold CLIP weights that fit '
            f'{arch}: {reason[:600]}'
        ) from error


def _check_weights_only(path: str) -> None:
    """Check that PyTorch can read a file without running code of it.

    After a TypeError, open_clip reads the file again without ``weights_only``, which runs the
    file's code where ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` is set.
    """
    if Path(path).suffix not in ('.safetensors', '.npz', '.npy'):
        mmap = is_zip(path)
        torch.load(path, map_location='cpu', weights_only=True, mmap=mmap)


def _to_dict(value: Any) -> Any:
    """A copy of a config value without MMEngine's ConfigDict, which open_clip cannot unpack."""
    if isinstance(value, Mapping):
        return {key: _to_dict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_to_dict(item) for item in value)
    return value
