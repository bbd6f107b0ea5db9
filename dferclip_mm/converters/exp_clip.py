"""Exp-CLIP's published files hold one matrix (Zhao et al., WACV 2025): the towers are added."""

from __future__ import annotations

from typing import Any

import open_clip
import torch
from mmaction.registry import MODELS

from ..checkpoints.compare import Tensors
from .converted import Converted
from .infer_arch import shape_of
from .layouts import EXP_CLIP, PROJECTION
from .rename_keys import to_ours


def add_towers(state: Tensors, arch: str | None, pretrained: str) -> Converted:
    """A checkpoint of `ExpCLIPHead` behind two frozen towers, which are built for it.

    The checkpoint names their weights by fingerprints, as every checkpoint over frozen towers.

    Args:
        state: the file's tensors: the matrix (rows, D).
        arch: of CLIP; None: ViT-L-14, if that has D.
        pretrained: CLIP's weights, as `build_clip` takes them.

    Raises:
        ValueError: when there are other tensors, the architecture has another width, or the weights
            cannot be loaded.
    """
    rows, width = shape_of(state, 'mlp.weight', 2)
    name = arch or 'ViT-L-14'
    found = (open_clip.get_model_config(name) or {}).get('embed_dim')
    if found != width:
        raise ValueError(
            f'the file projects features of {width} numbers, and {name} has {found}: name the CLIP '
            "that it was trained over (arch='ViT-B-32'; the program's option is --arch)"
        )
    expected = {PROJECTION: torch.empty(rows, width, device='meta')}
    weights = to_ours(state, EXP_CLIP.rules, expected, EXP_CLIP.kind)
    tower = {'arch': name, 'pretrained': pretrained}
    parts = {'backbone.': 'CLIPVisualEncoder', 'cls_head.text_encoder.': 'CLIPTextEncoder'}
    for prefix, kind in parts.items():
        built = MODELS.build({'type': kind, 'frozen': True, **tower})
        weights |= {prefix + key: value for key, value in built.state_dict().items()}
    model: dict[str, Any] = {
        'backbone': tower,
        'cls_head': {'text_encoder': tower, 'projection_dims': rows},
    }
    return Converted(EXP_CLIP.kind, weights, {'converted_from': EXP_CLIP.kind}, model)
