"""What decides on the features of a frame: the frozen image encoder, and the steps before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch


def find_identity(model: Any, pixels: Sequence[Mapping[str, Any]], dtype: str) -> dict[str, Any]:
    """The identity of frame features: of the encoder, its weights, and what comes before it.

    Args:
        model: a recognizer with a frozen ``CLIPVisualEncoder``.
        pixels: the transforms between sampling and packing.
        dtype: the type that is stored.

    Raises:
        ValueError: when the backbone's weights can change or cannot be loaded again.
    """
    backbone, preprocessor = model.backbone, model.data_preprocessor
    weights = getattr(backbone, 'visual_fingerprint', None)
    # Updates of LoRA and adapters are trained.
    if weights is None or next(backbone.parameters(), None) is not None:
        raise ValueError(
            'frame features need frozen weights that can be loaded again: use '
            "backbone=dict(type='CLIPVisualEncoder', frozen=True, pretrained=...), without lora or "
            'adapter'
        )
    return {
        'encoder': f'{type(backbone).__name__} {_hash_layers(backbone.visual)}',
        'weights': bytes(weights.tolist()).hex(),
        'data_preprocessor': {
            'to_rgb': preprocessor.to_rgb,
            'format_shape': preprocessor.format_shape,
            'mean': _to_list(preprocessor, 'mean'),
            'std': _to_list(preprocessor, 'std'),
        },
        'pixels': list(pixels),
        'dtype': dtype,
    }


def _to_list(preprocessor: Any, name: str) -> list[float] | None:
    # Without normalization there is no such tensor.
    value = getattr(preprocessor, name, None)
    return None if value is None else value.flatten().tolist()


def _hash_layers(tower: torch.nn.Module) -> str:
    """A hash of a tower's layers and their settings, without weights.

    Towers of equal weights can differ in QuickGELU or in the number of heads.
    """
    digest = hashlib.sha256(repr(tower).encode())
    for name, module in tower.named_modules():
        settings = {
            key: value
            for key, value in vars(module).items()
            if key != 'training' and isinstance(value, bool | int | float | str | tuple)
        }
        digest.update(f'{name}{sorted(settings.items())}'.encode())
    return digest.hexdigest()[:16]
