"""The temporal Transformer that both published programs share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmaction.registry import MODELS

from .infer_arch import count_blocks, shape_of
from .rename_keys import Rules, Shapes

# The published programs' number, which shapes do not tell.
NUM_HEADS = 8

# Their prefixes in a block, and ours.
BLOCK: Rules = (
    ('0.fn.norm.', 'norm1.'),
    ('0.fn.fn.to_qkv.', 'attn.qkv.'),
    ('0.fn.fn.to_out.0.', 'attn.proj.'),
    ('1.fn.norm.', 'norm2.'),
    ('1.fn.fn.net.0.', 'mlp.0.'),
    ('1.fn.fn.net.3.', 'mlp.2.'),
)


def temporal_rules(prefix: str, depth: int) -> list[tuple[str, str]]:
    """Their prefixes and ours for a temporal net of `depth` blocks, named with `prefix`."""
    rules = [(f'{prefix}cls_token', 'neck.cls_token'), (f'{prefix}pos_embedding', 'neck.pos_embed')]
    for number in range(depth):
        stem = f'{prefix}temporal_transformer.layers.{number}.'
        rules += [(stem + theirs, f'neck.blocks.{number}.{ours}') for theirs, ours in BLOCK]
    return rules


def temporal_settings(shapes: Shapes, prefix: str) -> dict[str, int]:
    """The arguments of `TemporalTransformer` for their tensors of these shapes.

    Raises:
        ConversionError: when a tensor that tells a size is missing.
    """
    blocks = f'{prefix}temporal_transformer.layers.'
    _, rows, dims = shape_of(shapes, f'{prefix}pos_embedding', 3)
    _, inner = shape_of(shapes, f'{blocks}0.0.fn.fn.to_out.0.weight', 2)
    hidden, _ = shape_of(shapes, f'{blocks}0.1.fn.fn.net.0.weight', 2)
    return {
        'in_channels': dims,
        'embed_dims': dims,
        'max_frames': rows - 1,
        'depth': count_blocks(shapes, blocks),
        'num_heads': NUM_HEADS,
        'head_dim': inner // NUM_HEADS,
        'mlp_dim': hidden,
    }


def temporal_shapes(settings: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of a `TemporalTransformer` with these arguments, by the model's names."""
    with torch.device('meta'):
        neck = MODELS.build({'type': 'TemporalTransformer', **settings})
    return {f'neck.{name}': tuple(tensor.shape) for name, tensor in neck.state_dict().items()}
