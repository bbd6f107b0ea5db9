"""CLIP models by open_clip: built by name or by dimensions, loaded by tag or from a file."""

from __future__ import annotations

import difflib
import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from mmengine.dist import barrier
from open_clip.model import convert_to_custom_text_state_dict
from torch import nn

from ...checkpoints.zip_check import is_zip, verify_zip_checksums
from .script_weights import is_script, read_script


def build_clip(arch: str | Mapping[str, Any], pretrained: str | None = None) -> Any:
    """An open_clip model with its two towers as ``.visual`` and ``.text``, in float32.

    Args:
        arch: the name of an open_clip architecture (``'ViT-B-32'``), or an open_clip model
            description (``embed_dim``, ``vision_cfg``, ``text_cfg``, ``quick_gelu``) as a dict.
        pretrained: an open_clip tag (``'openai'``), the path of a weights file, or None for
            random weights. A tag is downloaded once on each machine, into open_clip's cache.

    Raises:
        ValueError: when open_clip knows neither the architecture nor the tag, when the tag's
            activation differs from the architecture's, or when a file does not fit.
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


def freeze(owner: nn.Module, name: str, rebuilt_from: str | None) -> None:
    """Freeze the tower ``owner.name``: its parameters become buffers, which nothing can train.

    Buffers keep the optimiser, DistributedDataParallel and their warnings out of frozen weights.
    A tower that can be rebuilt stays out of checkpoints: they store its fingerprint in its place.
    Loading a checkpoint that was trained over other weights is refused; loading one that does
    hold the tower's weights puts them in place.

    Args:
        owner: the module that holds the tower.
        name: the attribute that it is held under.
        rebuilt_from: what the weights can be rebuilt from, or None to store them.
    """
    tower = getattr(owner, name)
    for module in tower.modules():
        module.weights_are_frozen = True
        for key, parameter in list(module._parameters.items()):
            if parameter is not None:
                del module._parameters[key]
                persistent = rebuilt_from is None
                module.register_buffer(key, parameter.detach(), persistent=persistent)
    if rebuilt_from is None:
        return
    owner.register_buffer(f'{name}_fingerprint', fingerprint(tower))

    def restore(module: nn.Module, state_dict: dict, prefix: str, *_: Any) -> None:
        _restore_tower(module, name, state_dict, prefix, rebuilt_from)

    owner.register_load_state_dict_pre_hook(restore)


def counted_buffers(model: nn.Module) -> Iterator[torch.Tensor]:
    """What a model counts as it is trained, such as a batch norm's statistics; nothing frozen."""
    for module in model.modules():
        if getattr(module, 'weights_are_frozen', False):
            continue
        for key, buffer in module.named_buffers(recurse=False):
            stored = key not in module._non_persistent_buffers_set
            if stored and buffer.is_floating_point():
                yield buffer


def fingerprint(module: nn.Module) -> torch.Tensor:
    """Eight bytes of a SHA-256 over a module's tensors, in order of name: int64, shape (8,).

    The host's ``SyncBuffersHook`` averages all buffers of a model in float32, which numbers of this
    size come through as they were.
    """
    digest = hashlib.sha256()
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return torch.tensor([*digest.digest()[:8]])


def _restore_tower(
    owner: nn.Module, name: str, state_dict: dict, prefix: str, rebuilt_from: str
) -> None:
    """Before loading: take the tower's weights out of the checkpoint, or check the fingerprint."""
    tower: nn.Module = getattr(owner, name)
    mark = f'{prefix}{name}_fingerprint'
    stem = f'{prefix}{name}.'
    held = {
        key[len(stem) :]: state_dict.pop(key) for key in list(state_dict) if key.startswith(stem)
    }
    if held:
        expected = {
            key: tensor for key, tensor in tower.named_buffers() if key not in ('attn_mask',)
        }
        misfit = sorted(set(expected) ^ set(held)) or [
            key for key in expected if expected[key].shape != held[key].shape
        ]
        if misfit:
            raise ValueError(
                f"the checkpoint's {stem}* does not fit this CLIP: {len(misfit)} of "
                f'{len(expected)} tensors differ in name or shape, first {misfit[0]}'
            )
        for key, tensor in expected.items():
            tensor.copy_(held[key])
        state_dict[mark] = fingerprint(tower)
    elif mark in state_dict and not torch.equal(
        state_dict[mark].cpu(), getattr(owner, mark[len(prefix) :]).cpu()
    ):
        raise ValueError(
            f'the checkpoint was trained over other frozen CLIP weights ({stem}*) than '
            f'pretrained={rebuilt_from!r} gives: set `pretrained` to those it was trained with'
        )


def _build_clip(arch: str | Mapping[str, Any], pretrained: str | None) -> Any:
    if not isinstance(arch, str):
        model = open_clip.CustomTextCLIP(**_plain(arch))
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
        # OpenAI's own files are archives of programs; their weights need QuickGELU.
        quick_gelu = is_script(pretrained)
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
        verify_zip_checksums(path)
        if is_script(path):
            # open_clip's loader reads them only for architectures that it infers itself, and would
            # run them.
            state = read_script(path)
            for name in ('input_resolution', 'context_length', 'vocab_size', 'attn_mask'):
                state.pop(name, None)
            model.load_state_dict(convert_to_custom_text_state_dict(state), strict=True)
        else:
            _require_data_alone(path)
            open_clip.load_checkpoint(model, path, strict=True)
    except Exception as error:  # open_clip passes on whatever torch, zip and pickle raise
        reason = ' '.join(str(error).split())
        raise ValueError(
            f'{path} ({Path(path).stat().st_size} bytes) does not hold CLIP weights that fit '
            f'{arch}: {reason[:600]}'
        ) from error


def _require_data_alone(path: str) -> None:
    """See that PyTorch reads a file without its code.

    After a TypeError, open_clip reads the file again without saying that it is data. With PyTorch's
    ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` set, which others advise, that runs its code.
    """
    if Path(path).suffix not in ('.safetensors', '.npz', '.npy'):
        mmap = is_zip(path)
        torch.load(path, map_location='cpu', weights_only=True, mmap=mmap)


def _plain(value: Any) -> Any:
    """A copy of a config value without MMEngine's ConfigDict, which open_clip cannot unpack."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value
