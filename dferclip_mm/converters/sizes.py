"""Infer from tensor shapes how large a CLIP and a temporal Transformer are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import open_clip
import torch

from .errors import ConversionError
from .layout import Shapes

VOCABULARY = 49408
# OpenAI's rule, and the published programs' number; neither can be read from shapes.
HEAD_WIDTH = 64
TEMPORAL_HEADS = 8

# A block of the published temporal nets, and ours.
TEMPORAL_BLOCK = (
    ('0.fn.norm.', 'norm1.'),
    ('0.fn.fn.to_qkv.', 'attn.qkv.'),
    ('0.fn.fn.to_out.0.', 'attn.proj.'),
    ('1.fn.norm.', 'norm2.'),
    ('1.fn.fn.net.0.', 'mlp.0.'),
    ('1.fn.fn.net.3.', 'mlp.2.'),
)


def shapes_of(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name; what is no tensor is left out."""
    return {
        name: tuple(value.shape) for name, value in state.items() if isinstance(value, torch.Tensor)
    }


def clip_arch(shapes: Shapes, visual: str, text: str) -> dict[str, Any]:
    """An open_clip description of the CLIP (OpenAI's kind, QuickGELU) with these shapes.

    Args:
        shapes: shapes by name.
        visual: prefix of the visual tower's names.
        text: prefix of the text tower's names.

    Raises:
        ConversionError: when a tensor that tells a size is missing or cannot be CLIP's.
    """
    width, _, patch, _ = _shape(shapes, f'{visual}conv1.weight', 4)
    positions, _ = _shape(shapes, f'{visual}positional_embedding', 2)
    _, embed_dim = _shape(shapes, f'{visual}proj', 2)
    context_length, text_width = _shape(shapes, f'{text}positional_embedding', 2)
    vocabulary, _ = _shape(shapes, f'{text}token_embedding.weight', 2)
    grid = math.isqrt(max(positions - 1, 0))
    sizes = {'vision width': width, 'text width': text_width}
    wrong = [f'{name} {size}' for name, size in sizes.items() if size < 1 or size % HEAD_WIDTH]
    if grid < 1 or grid**2 != positions - 1:
        wrong.append(f'{positions} image positions')
    if vocabulary != VOCABULARY:
        wrong.append(f'a vocabulary of {vocabulary}')
    if wrong:
        raise ConversionError(
            f'the file holds no CLIP of a size that OpenAI built ({", ".join(wrong)}): expected '
            f'widths in multiples of {HEAD_WIDTH}, a square of image positions and one, and '
            f'{VOCABULARY} tokens'
        )
    return {
        'embed_dim': embed_dim,
        'quick_gelu': True,
        'vision_cfg': {
            'image_size': grid * patch,
            'layers': _count(shapes, f'{visual}transformer.resblocks.'),
            'width': width,
            'patch_size': patch,
        },
        'text_cfg': {
            'context_length': context_length,
            'vocab_size': vocabulary,
            'width': text_width,
            'heads': text_width // HEAD_WIDTH,
            'layers': _count(shapes, f'{text}transformer.resblocks.'),
        },
    }


def arch_name(arch: dict[str, Any]) -> str | dict[str, Any]:
    """The name under which open_clip knows these dimensions, else the dimensions themselves."""
    names = (name for name in open_clip.list_models() if open_clip.get_model_config(name) == arch)
    return next(names, arch)


def tower_shapes(arch: dict[str, Any], visual: str, text: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a CLIP's towers, named with our prefixes."""
    with torch.device('meta'):
        state = open_clip.CustomTextCLIP(**arch).state_dict()
    prefixes = {'visual': visual, 'text': text}
    found = {}
    for name, tensor in state.items():
        tower, _, rest = name.partition('.')
        if tower in prefixes:
            found[prefixes[tower] + rest] = tuple(tensor.shape)
    return found


class TemporalNames(NamedTuple):
    """Where the sizes of a temporal net can be read: position table, blocks, two tensors of one."""

    positions: str
    blocks: str
    attention: str = '0.fn.fn.to_out.0.weight'
    feed_forward: str = '1.fn.fn.net.0.weight'


OUR_TEMPORAL = TemporalNames('neck.pos_embed', 'neck.blocks.', 'attn.proj.weight', 'mlp.0.weight')


def their_temporal(prefix: str) -> TemporalNames:
    """Where the sizes of a published temporal net can be read."""
    return TemporalNames(f'{prefix}pos_embedding', f'{prefix}temporal_transformer.layers.')


def temporal_settings(shapes: Shapes, names: TemporalNames) -> dict[str, int]:
    """The arguments of `TemporalTransformer` for tensors of these shapes.

    Raises:
        ConversionError: when a tensor that tells a size is missing.
    """
    _, rows, dim = _shape(shapes, names.positions, 3)
    _, inner = _shape(shapes, f'{names.blocks}0.{names.attention}', 2)
    hidden, _ = _shape(shapes, f'{names.blocks}0.{names.feed_forward}', 2)
    return {
        'in_channels': dim,
        'embed_dims': dim,
        'max_frames': rows - 1,
        'depth': _count(shapes, names.blocks),
        'num_heads': TEMPORAL_HEADS,
        'head_dim': inner // TEMPORAL_HEADS,
        'mlp_dim': hidden,
    }


def temporal_rules(prefix: str, depth: int) -> list[tuple[str, str]]:
    """Their prefixes and ours for a temporal net of `depth` blocks."""
    rules = [(f'{prefix}cls_token', 'neck.cls_token'), (f'{prefix}pos_embedding', 'neck.pos_embed')]
    for number in range(depth):
        stem = f'{prefix}temporal_transformer.layers.{number}.'
        rules += [
            (stem + theirs, f'neck.blocks.{number}.{ours}') for theirs, ours in TEMPORAL_BLOCK
        ]
    return rules


def temporal_shapes(settings: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of a `TemporalTransformer` with these arguments."""
    dim, hidden = settings['embed_dims'], settings['mlp_dim']
    inner = settings['num_heads'] * settings['head_dim']
    block: dict[str, tuple[int, ...]] = {
        'norm1.weight': (dim,),
        'norm1.bias': (dim,),
        'attn.qkv.weight': (3 * inner, dim),
        'attn.proj.weight': (dim, inner),
        'attn.proj.bias': (dim,),
        'norm2.weight': (dim,),
        'norm2.bias': (dim,),
        'mlp.0.weight': (hidden, dim),
        'mlp.0.bias': (hidden,),
        'mlp.2.weight': (dim, hidden),
        'mlp.2.bias': (dim,),
    }
    found: dict[str, tuple[int, ...]] = {
        'neck.cls_token': (1, 1, dim),
        'neck.pos_embed': (1, settings['max_frames'] + 1, dim),
    }
    for number in range(settings['depth']):
        found.update({f'neck.blocks.{number}.{name}': shape for name, shape in block.items()})
    return found


def _shape(shapes: Shapes, name: str, ndim: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or len(shape) != ndim:
        raise ConversionError(
            f'the file has {"no tensor" if shape is None else f"the shape {shape} for"} {name}, '
            f'from whose {ndim} dimensions a size of the model is read: give the file as it was '
            'published'
        )
    return shape


def _count(shapes: Shapes, prefix: str) -> int:
    return len(
        {name[len(prefix) :].partition('.')[0] for name in shapes if name.startswith(prefix)}
    )
