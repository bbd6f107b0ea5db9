"""Exp-CLIP's published files: one matrix, and no CLIP (Zhao et al., WACV 2025)."""

from __future__ import annotations

from typing import Any

import open_clip
import torch
from mmaction.registry import MODELS

from ..checkpoints.compare import Tensors, find_mismatch
from .converted import Converted
from .infer_arch import shape_of

KIND = 'Exp-CLIP'
THEIRS, OURS = 'mlp.weight', 'cls_head.projection.weight'


def convert_projection(state: Tensors, arch: str | None, pretrained: str) -> Converted:
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
    rows, width = shape_of(state, THEIRS, 2)
    name = arch or 'ViT-L-14'
    found = (open_clip.get_model_config(name) or {}).get('embed_dim')
    if found != width:
        raise ValueError(
            f'the file projects features of {width} numbers, and {name} has {found}: name the CLIP '
            "that it was trained over (arch='ViT-B-32'; the program's option is --arch)"
        )
    problem = find_mismatch(state, {THEIRS: state[THEIRS]})
    if problem:
        raise ValueError(
            f'the file does not fit the layout of {KIND}: {problem}; give the file as it was '
            'published'
        )
    tower = {'arch': name, 'pretrained': pretrained}
    parts = {
        'backbone.': {'type': 'CLIPVisualEncoder', 'frozen': True, **tower},
        'cls_head.text_encoder.': {'type': 'CLIPTextEncoder', 'frozen': True, **tower},
    }
    weights = {
        prefix + key: value
        for prefix, cfg in parts.items()
        for key, value in MODELS.build(cfg).state_dict().items()
    }
    model: dict[str, Any] = {
        'backbone': tower,
        'cls_head': {'text_encoder': tower, 'projection_dims': rows},
    }
    meta = {'converted_from': KIND}
    return Converted(KIND, {**weights, OURS: state[THEIRS]}, meta, model)


def projection_file(state: Tensors) -> dict[str, torch.Tensor]:
    """The published layout again, from the tensors of a converted checkpoint.

    Raises:
        ValueError: when the matrix is missing, or anything but fingerprints stands beside it.
    """
    matrix = {name: value for name, value in state.items() if not name.endswith('_fingerprint')}
    problem = find_mismatch(matrix, {OURS: matrix.get(OURS, torch.empty(0))})
    if problem:
        raise ValueError(f'the checkpoint holds no {KIND}: {problem}')
    return {THEIRS: matrix[OURS]}
