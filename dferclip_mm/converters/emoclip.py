"""EmoCLIP's published checkpoint (Foteinopoulou & Patras, arXiv 2310.16640) to ours and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .layout import Rules, Shapes, State, to_ours, to_theirs
from .sizes import (
    OUR_TEMPORAL,
    arch_name,
    clip_arch,
    shapes_of,
    temporal_rules,
    temporal_settings,
    temporal_shapes,
    their_temporal,
    tower_shapes,
)

KIND = 'EmoCLIP'

_VISUAL = 'backbone.visual.'
_TEXT = 'cls_head.text_encoder.text.'
# The model has a scale of its own; the one inside CLIP is stored and never used.
_UNUSED_SCALE = 'clip.logit_scale'

# Their prefix, our prefix; the temporal net's blocks are in `sizes.temporal_rules`.
RULES: Rules = (
    ('logit_scale', 'cls_head.logit_scale'),
    ('backbone.logit_scale', _UNUSED_SCALE),
    ('backbone.visual.', _VISUAL),
    ('backbone.', _TEXT),
)


def recognise(state: Mapping[str, Any]) -> bool:
    """Whether the names (without ``module.``) are EmoCLIP's."""
    return any(name.startswith('temporal.') for name in state) and any(
        name.startswith('backbone.') for name in state
    )


def convert(state: Mapping[str, torch.Tensor]) -> tuple[State, dict[str, Any], float]:
    """Our state dict, and what a config needs.

    Args:
        state: their tensors, names without ``module.``.

    Returns:
        Our tensors; overrides of the config's ``model``; CLIP's own logit scale, which only the
        way back needs.

    Raises:
        ConversionError: when the file does not fit.
    """
    found = shapes_of(state)
    arch = clip_arch(found, 'backbone.visual.', 'backbone.')
    neck = temporal_settings(found, their_temporal('temporal.'))
    ours = to_ours(state, _rules(neck), _shapes(arch, neck), KIND)
    scale = float(ours.pop(_UNUSED_SCALE))
    tower = {'arch': arch_name(arch), 'pretrained': None}
    return ours, {'backbone': tower, 'neck': neck, 'cls_head': {'text_encoder': tower}}, scale


def to_published(state: Mapping[str, torch.Tensor], logit_scale: float) -> State:
    """The published layout (names without ``module.``) of our state dict.

    Args:
        state: our tensors, the text tower included.
        logit_scale: CLIP's own, which the layout stores and nothing uses.

    Raises:
        ConversionError: when tensors are missing or left over.
    """
    found = shapes_of(state)
    arch = clip_arch(found, _VISUAL, _TEXT)
    neck = temporal_settings(found, OUR_TEMPORAL)
    whole = {**state, _UNUSED_SCALE: torch.tensor(logit_scale)}
    return to_theirs(whole, _rules(neck), _shapes(arch, neck), KIND)


def _rules(neck: Mapping[str, int]) -> Rules:
    return [*RULES, *temporal_rules('temporal.', neck['depth'])]


def _shapes(arch: dict[str, Any], neck: Mapping[str, int]) -> Shapes:
    return {
        **tower_shapes(arch, _VISUAL, _TEXT),
        **temporal_shapes(neck),
        'cls_head.logit_scale': (),
        _UNUSED_SCALE: (),
    }
