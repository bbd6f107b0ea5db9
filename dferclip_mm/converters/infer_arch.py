"""Infer the settings of a model from the shapes of its tensors."""

from __future__ import annotations

import math
from typing import Any

import open_clip
import torch
from mmaction.registry import MODELS

from ..checkpoints.compare import Tensors

# OpenAI's vocabulary and rule for the width of heads, which shapes do not show.
VOCABULARY, HEAD_WIDTH = 49408, 64
# The published programs' number of temporal heads, which shapes do not show either.
NUM_HEADS = 8


def clip_arch(state: Tensors, visual: str, text: str) -> dict[str, Any]:
    """An open_clip description of the CLIP (OpenAI's kind, QuickGELU) with tensors of these shapes.

    `visual` and `text` are the prefixes of the towers' names.

    Raises:
        ValueError: when a tensor that a size is read from is missing or cannot be CLIP's.
    """
    width, _, patch, _ = shape_of(state, f'{visual}conv1.weight', 4)
    positions, _ = shape_of(state, f'{visual}positional_embedding', 2)
    _, embed_dim = shape_of(state, f'{visual}proj', 2)
    context_length, text_width = shape_of(state, f'{text}positional_embedding', 2)
    grid = math.isqrt(max(positions - 1, 0))
    if grid < 1 or any(size < 1 or size % HEAD_WIDTH for size in (width, text_width)):
        raise ValueError(
            f'the file holds no CLIP of a size that OpenAI built: expected widths in multiples of '
            f'{HEAD_WIDTH} and image positions, found vision width {width}, text width '
            f'{text_width} and {positions} image positions'
        )
    return {
        'embed_dim': embed_dim,
        'quick_gelu': True,
        'vision_cfg': {
            'image_size': grid * patch,
            'layers': count_blocks(state, f'{visual}transformer.resblocks.'),
            'width': width,
            'patch_size': patch,
        },
        'text_cfg': {
            'context_length': context_length,
            'vocab_size': VOCABULARY,
            'width': text_width,
            'heads': text_width // HEAD_WIDTH,
            'layers': count_blocks(state, f'{text}transformer.resblocks.'),
        },
    }


def arch_name(arch: dict[str, Any]) -> str | dict[str, Any]:
    """The name under which open_clip knows these dimensions, else the dimensions themselves."""
    names = (name for name in open_clip.list_models() if open_clip.get_model_config(name) == arch)
    return next(names, arch)


def temporal_settings(state: Tensors, prefix: str) -> dict[str, int]:
    """The arguments of `TemporalTransformer` for their tensors.

    Raises:
        ValueError: when a tensor that a size is read from is missing.
    """
    blocks = f'{prefix}temporal_transformer.layers.'
    _, rows, dims = shape_of(state, f'{prefix}pos_embedding', 3)
    _, inner = shape_of(state, f'{blocks}0.0.fn.fn.to_out.0.weight', 2)
    hidden, _ = shape_of(state, f'{blocks}0.1.fn.fn.net.0.weight', 2)
    return {
        'in_channels': dims,
        'embed_dims': dims,
        'max_frames': rows - 1,
        'depth': count_blocks(state, blocks),
        'num_heads': NUM_HEADS,
        'head_dim': inner // NUM_HEADS,
        'mlp_dim': hidden,
    }


def part_tensors(arch: dict[str, Any], neck: dict[str, int]) -> dict[str, torch.Tensor]:
    """Towers and temporal Transformer with these settings, by the model's names, without values."""
    parts = {
        'backbone.': {'type': 'CLIPVisualEncoder', 'arch': arch},
        'cls_head.text_encoder.': {'type': 'CLIPTextEncoder', 'arch': arch},
        'neck.': {'type': 'TemporalTransformer', **neck},
    }
    tensors: dict[str, torch.Tensor] = {}
    with torch.device('meta'):
        for prefix, cfg in parts.items():
            state = MODELS.build(cfg).state_dict()
            tensors |= {prefix + name: value for name, value in state.items()}
    return tensors


def shape_of(state: Tensors, name: str, ndim: int) -> tuple[int, ...]:
    """The shape of a tensor that a size is read from.

    Raises:
        ValueError: when it is missing, or has another number of dimensions.
    """
    shape = tuple(state[name].shape) if name in state else None
    if shape is None or len(shape) != ndim:
        raise ValueError(
            f'the file has {"no tensor" if shape is None else f"the shape {shape} for"} {name}, '
            f'from whose {ndim} dimensions a size of the model is read: give the file as it was '
            'published'
        )
    return shape


def count_blocks(state: Tensors, prefix: str) -> int:
    """The number of blocks, which are numbered behind a prefix."""
    found = (name.removeprefix(prefix) for name in state if name.startswith(prefix))
    return len({name.partition('.')[0] for name in found})
