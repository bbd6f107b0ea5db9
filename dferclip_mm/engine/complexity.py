"""Parameters and floating-point operations of a model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def without_weights(settings: ConfigDict) -> ConfigDict:
    """A model's config with every ``pretrained`` and ``init_cfg`` set to None."""
    settings = copy.deepcopy(settings)
    for key, value in settings.items():
        if key in ('pretrained', 'init_cfg'):
            settings[key] = None
        elif isinstance(value, dict):
            settings[key] = without_weights(value)
    return settings


def count(model: Any, shape: Sequence[int]) -> list[tuple[str, int, int, int]]:
    """Count a recognizer and its backbone, neck and head.

    Args:
        model: in evaluation mode.
        shape: of a clip as the model gets it, without the batch.

    Returns:
        For each its name, trained and frozen weights, and the operations of its matrix products,
        convolutions and attention for one clip, as PyTorch's FlopCounterMode counts them.
    """
    inputs = torch.zeros(1, *shape)
    # FlopCounterMode does not know the fused attention of CPUs.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        # The texts are encoded in the first call.
        model(inputs, mode='tensor', stage='head')
        with FlopCounterMode(display=False, depth=1) as counter:
            model(inputs, mode='tensor', stage='head')
    operations = counter.get_flop_counts()
    parts = {type(model).__name__: model}
    parts |= {name: getattr(model, name, None) for name in ('backbone', 'neck', 'cls_head')}
    rows = []
    for name, part in parts.items():
        if isinstance(part, torch.nn.Module):
            trained = sum(each.numel() for each in part.parameters() if each.requires_grad)
            key = name if part is model else f'{type(model).__name__}.{name}'
            rows.append((name, trained, _frozen(part), sum(operations.get(key, {}).values())))
    return rows


def _frozen(module: torch.nn.Module) -> int:
    """Weights that are not trained: also buffers, which those of a frozen CLIP tower are."""
    return sum(
        each.numel()
        for name, each in (*module.named_parameters(), *module.named_buffers())
        if each.is_floating_point()
        and not each.requires_grad
        and not name.startswith('data_preprocessor.')
    )
