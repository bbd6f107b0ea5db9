"""Frozen CLIP towers: not trained, and not stored in checkpoints when they can be rebuilt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import partial
from typing import Any

import torch
from torch import nn

from ...checkpoints.compare import find_mismatch


def freeze(owner: nn.Module, name: str, rebuilt_from: str | None) -> None:
    """Freeze the tower ``owner.name``: its parameters become buffers.

    Parameters with ``requires_grad=False`` would not do: MMEngine gives each of them a group of
    the optimizer, and FSDP demands all parameters in every checkpoint.

    A tower that can be rebuilt from `rebuilt_from` stays out of checkpoints, which store its
    fingerprint instead. Loading a checkpoint that was trained over other weights is refused; a
    checkpoint that does hold the tower's weights overwrites them.
    """
    tower: nn.Module = getattr(owner, name)
    stored = tuple(tower.state_dict())
    for module in tower.modules():
        for key, weight in list(module.named_parameters(recurse=False)):
            delattr(module, key)
            module.register_buffer(key, weight.detach())
        if rebuilt_from is not None:
            for key, buffer in list(module.named_buffers(recurse=False)):
                module.register_buffer(key, buffer, persistent=False)
    if rebuilt_from is None:
        return
    owner.register_buffer(f'{name}_fingerprint', fingerprint(tower))
    owner.register_load_state_dict_pre_hook(
        partial(_verify_tower, name=name, stored=stored, rebuilt_from=rebuilt_from)
    )


def fingerprint(module: nn.Module) -> torch.Tensor:
    """Eight bytes of a SHA-256 over a frozen tower's tensors by name: int64, shape (8,).

    Its parameters, those of LoRA and adapters, are no part of it.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(_plain_buffers(module).items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return torch.tensor([*digest.digest()[:8]])


def _plain_buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """All buffers; one below an update of LoRA under the name that it had before."""
    return {
        re.sub(r'parametrizations\.(\w+)\.original$', r'\1', name): buffer
        for name, buffer in module.named_buffers()
    }


def _verify_tower(
    owner: nn.Module,
    state_dict: dict,
    prefix: str,
    *_: Any,
    name: str,
    stored: Collection[str],
    rebuilt_from: str,
) -> None:
    """Before loading: take the checkpoint's weights of the tower, or compare its fingerprint."""
    tower: nn.Module = getattr(owner, name)
    mark, stem = f'{name}_fingerprint', f'{prefix}{name}.'
    # What the tower itself stores, updates of LoRA or adapters, is loaded as usual.
    own = tower.state_dict().keys()
    held = {
        key.removeprefix(stem): state_dict.pop(key)
        for key in list(state_dict)
        if key.startswith(stem) and key.removeprefix(stem) not in own
    }
    if held:
        weights = _plain_buffers(tower)
        problem = find_mismatch(held, {key: weights[key] for key in stored})
        if problem:
            raise ValueError(f"the checkpoint's {stem}* does not fit this CLIP: {problem}")
        for key, tensor in held.items():
            weights[key].copy_(tensor)
        state_dict[prefix + mark] = fingerprint(tower)
    elif prefix + mark in state_dict and not torch.equal(
        state_dict[prefix + mark].cpu(), getattr(owner, mark).cpu()
    ):
        raise ValueError(
            f'the checkpoint was trained over other frozen CLIP weights ({stem}*) than '
            f'pretrained={rebuilt_from!r} gives: set `pretrained` to those it was trained with'
        )
