"""EmoCLIP's published checkpoint (Foteinopoulou & Patras, arXiv 2310.16640) to ours and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .converted import Converted
from .infer_arch import arch_name, clip_arch, clip_shapes, count_blocks
from .rename_keys import Rules, State, shapes_of, to_ours, to_theirs
from .temporal_net import temporal_rules, temporal_settings, temporal_shapes

KIND = 'EmoCLIP'

_VISUAL = 'backbone.visual.'
_TEXT = 'cls_head.text_encoder.text.'
_SCALE = 'cls_head.logit_scale'
# The model has a scale of its own; the one inside CLIP is stored and never used.
_UNUSED_SCALE = 'clip.logit_scale'

# Their prefix, our prefix; the rules of the temporal net are in `temporal_net`.
RULES: Rules = (
    ('logit_scale', _SCALE),
    ('backbone.logit_scale', _UNUSED_SCALE),
    ('backbone.visual.', _VISUAL),
    ('backbone.', _TEXT),
)
_TEMPORAL = 'temporal.'


def is_emoclip_checkpoint(state: Mapping[str, Any]) -> bool:
    """Whether the names (without ``module.``) are EmoCLIP's."""
    return all(
        any(name.startswith(prefix) for name in state) for prefix in ('backbone.', _TEMPORAL)
    )


def convert(state: Mapping[str, torch.Tensor]) -> Converted:
    """Convert their state dict.

    Args:
        state: their tensors, names without ``module.``.

    Raises:
        ConversionError: when the file does not fit.
    """
    found = shapes_of(state)
    arch = clip_arch(found, 'backbone.visual.', 'backbone.')
    neck = temporal_settings(found, _TEMPORAL)
    shapes = {
        **clip_shapes(arch, _VISUAL, _TEXT),
        **temporal_shapes(neck),
        _SCALE: (),
        _UNUSED_SCALE: (),
    }
    rules = [*RULES, *temporal_rules(_TEMPORAL, neck['depth'])]
    ours = to_ours(state, rules, shapes, KIND)
    meta = {'converted_from': KIND, 'clip_logit_scale': float(ours.pop(_UNUSED_SCALE))}
    tower = {'arch': arch_name(arch), 'pretrained': None}
    model = {'backbone': tower, 'neck': neck, 'cls_head': {'text_encoder': tower}}
    return Converted(KIND, ours, meta, model)


def to_published(state: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> State:
    """The published layout (names without ``module.``) of our state dict.

    Args:
        state: our tensors, the text tower included.
        meta: of the `Converted`.

    Raises:
        ConversionError: when tensors are left over.
    """
    scale = torch.tensor(meta['clip_logit_scale'])
    rules = [*RULES, *temporal_rules(_TEMPORAL, count_blocks(shapes_of(state), 'neck.blocks.'))]
    return to_theirs({**state, _UNUSED_SCALE: scale}, rules, KIND)
