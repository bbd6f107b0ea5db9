"""Whether a checkpoint's tensors fit a model: names and shapes on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

_SHOWN = 4

Tensors = Mapping[str, torch.Tensor]


def find_mismatch(checkpoint: Tensors, model: Tensors) -> str | None:
    """What does not fit between two state dicts, on both sides; None when everything fits."""
    reshaped = [
        f'{name} {tuple(checkpoint[name].shape)} against {tuple(model[name].shape)}'
        for name in model
        if name in checkpoint and checkpoint[name].shape != model[name].shape
    ]
    sides = (
        ('only in the checkpoint', [name for name in checkpoint if name not in model]),
        ('only in the model', [name for name in model if name not in checkpoint]),
        ('of another shape (checkpoint against model)', reshaped),
    )
    found = [f'{len(names)} {side}: {shorten(names)}' for side, names in sides if names]
    return '; '.join(found) or None


def check_fits(checkpoint: Tensors, model: Tensors, source: str) -> None:
    """Check that the tensors of a checkpoint, by name, fit those of a model in full.

    Raises:
        ValueError: naming the `source` and both sides, when they do not.
    """
    problem = find_mismatch(_without_frozen_weights(checkpoint, model), model)
    if problem:
        raise ValueError(
            f'{source} does not fit the model: {problem}; give a checkpoint of this config, '
            'or the config that the checkpoint was trained with'
        )


def _without_frozen_weights(checkpoint: Tensors, model: Tensors) -> dict[str, Any]:
    """The checkpoint without the weights of encoders that the model keeps frozen.

    Of those the model's state dict has a fingerprint in place of the weights. It accepts either
    from a checkpoint, and verifies the weights itself.
    """
    found = dict(checkpoint)
    for mark in [name for name in model if name.endswith('_fingerprint') and name not in found]:
        stem = mark.removesuffix('_fingerprint') + '.'
        kept = {name: value for name, value in found.items() if not name.startswith(stem)}
        if len(kept) < len(found):
            found = {**kept, mark: model[mark]}
    return found


def lower_precision_warning(stored: Mapping[str, Any], model: Tensors) -> str | None:
    """A warning about tensors stored with fewer bits than the model's; None without any."""
    lower = [
        name
        for name, value in stored.items()
        if isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and name in model
        and value.element_size() < model[name].element_size()
    ]
    if not lower:
        return None
    return (
        f'the checkpoint stores {shorten(lower)} with fewer bits than the model: they are loaded '
        'as they are, rounded'
    )


def shorten(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
