"""A faster forward of open_clip's Transformers, for features that are read at one token.

The towers and the names of their weights stay open_clip's; only the forward is ours:

- the tokens of all sequences are the rows of one matrix, sequences of one length side by side, so
  that linear layers see no padding, and attention needs no mask;
- only one token of each sequence leaves the last block, which needs only keys and values of the
  others;
- QuickGELU is SiLU between two factors, which the linear layers around it take in: one pass less
  over the widest tensors, and a third less of them kept.

A tower with other modules, or with hooks on its modules, runs open_clip's own forward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, Transformer, VisionTransformer
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from .checkpointing import CheckpointedMLP, checkpointed

# QuickGELU(x) = x · sigmoid(1.702 x) = SiLU(1.702 x) / 1.702
QUICK = 1.702
# PyTorch 2.6 does not say so.
is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)
_HOOKS = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_backward_pre_hooks')


class Layout(NamedTuple):
    """How the tokens of N sequences stand in one matrix (M, D), in groups of one length."""

    # Sequences and their length, (n, L), for each group: M is the sum of n · L.
    shapes: Sequence[tuple[int, int]]
    # (N,), the row of the matrix at which each sequence is read: if causal, its last one.
    read: torch.Tensor
    causal: bool


def is_standard_vit(tower: nn.Module) -> bool:
    """Whether `encode_images` takes this image tower: a Transformer read at its class token."""
    return (
        isinstance(tower, VisionTransformer)
        and tower.pool_type == 'tok'
        and tower.attn_pool is None
        and not tower.output_tokens
        and is_standard(tower)
    )


def is_standard(tower: Any) -> bool:
    """Whether a tower's blocks are self-attention and an MLP, and no module has a hook."""
    return (
        isinstance(tower.transformer, Transformer)
        and all(map(_is_standard_block, tower.transformer.resblocks))
        and not any(getattr(module, hooks) for module in tower.modules() for hooks in _HOOKS)
    )


def encode_images(tower: Any, images: torch.Tensor) -> torch.Tensor:
    """Images (N, 3, H, W) through an image tower to its features (N, D)."""
    x = tower.conv1(images).flatten(2).transpose(1, 2)
    class_token = tower.class_embedding.to(x.dtype).expand(x.shape[0], 1, -1)
    x = torch.cat([class_token, x], dim=1) + tower.positional_embedding.to(x.dtype)
    x = tower.ln_pre(tower.patch_dropout(x))
    count, length = x.shape[:2]
    read = torch.arange(0, count * length, length, device=x.device)
    layout = Layout([(count, length)], read, causal=False)
    x = tower.ln_post(transform(tower.transformer, x.flatten(0, 1), layout))
    return x if tower.proj is None else x @ tower.proj


def encode_causal(transformer: Any, sequences: torch.Tensor, end: Sequence[int]) -> torch.Tensor:
    """Causal sequences (N, L, D) through a Transformer, read at the ends of each: (N, D).

    Tokens behind an end are left out: nothing that is read attends to them.
    """
    tokens, layout, order = pack(sequences, end)
    found = transform(transformer, tokens, layout)
    return found[torch.tensor(order, device=found.device).argsort()]


def pack(sequences: torch.Tensor, end: Sequence[int]) -> tuple[torch.Tensor, Layout, list[int]]:
    """The tokens of sequences up to their ends: (M, D), their layout, and their order in it."""
    order = sorted(range(len(end)), key=lambda index: end[index])
    lengths = [end[index] + 1 for index in order]
    room = sequences.shape[1]
    rows = [torch.arange(n) + index * room for index, n in zip(order, lengths, strict=True)]
    tokens = sequences.flatten(0, 1).index_select(0, torch.cat(rows).to(sequences.device))
    shapes = [(len([*group]), length) for length, group in groupby(lengths)]
    read = torch.tensor(lengths, device=sequences.device).cumsum(0) - 1
    return tokens, Layout(shapes, read, causal=True), order


def transform(transformer: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Tokens (M, D) through the blocks of a Transformer, those that are read: (N, D)."""
    run: Callable = checkpointed if transformer.grad_checkpointing else _call
    *blocks, last = transformer.resblocks
    for block in blocks:
        tokens = run(block_forward, block, tokens, layout)
    return run(last_block_forward, last, tokens, layout)


def block_forward(block: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """All tokens through a block: (M, D)."""
    attn = block.attn
    qkv = F.linear(block.ln_1(tokens), attn.in_proj_weight, attn.in_proj_bias)
    found = []
    for rows, (count, length) in zip(_split(qkv, layout), layout.shapes, strict=True):
        q, k, v = rows.view(count, length, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        values = F.scaled_dot_product_attention(q, k, v, is_causal=layout.causal)
        found.append(rearrange(values, 'n h l d -> (n l) (h d)'))
    return _after_attention(block, tokens, _concatenate(found))


def last_block_forward(block: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """The tokens that are read through a block: (N, D)."""
    attn, context = block.attn, block.ln_1(tokens)
    width = context.shape[1]
    q_weight, kv_weight = attn.in_proj_weight.split([width, 2 * width])
    q_bias, kv_bias = attn.in_proj_bias.split([width, 2 * width])
    queries = F.linear(context.index_select(0, layout.read), q_weight, q_bias)
    keys_values = F.linear(context, kv_weight, kv_bias)
    found = []
    for query, rows, (count, length) in zip(
        queries.split([count for count, _ in layout.shapes]),
        _split(keys_values, layout),
        layout.shapes,
        strict=True,
    ):
        q = rearrange(query, 'n (h d) -> n h 1 d', h=attn.num_heads)
        k, v = rows.view(count, length, 2, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        found.append(rearrange(F.scaled_dot_product_attention(q, k, v), 'n h 1 d -> n (h d)'))
    return _after_attention(block, tokens.index_select(0, layout.read), _concatenate(found))


def _is_standard_block(block: Any) -> bool:
    return (
        type(block) is ResidualAttentionBlock
        and type_before_parametrizations(block.attn) is nn.MultiheadAttention
        and block.attn.in_proj_bias is not None
        and block.attn.dropout == 0
        and type(block.mlp) in (nn.Sequential, CheckpointedMLP)
        and not hasattr(block, 'ln_1_kv')
    )


def _after_attention(block: Any, x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    project = block.attn.out_proj
    x = x + block.ls_1(F.linear(values, project.weight, project.bias))
    return x + block.ls_2(_feed_forward(block.mlp, block.ln_2(x)))


def _feed_forward(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    """(M, D) -> (M, D)."""
    first, second = mlp.c_fc, mlp.c_proj
    linear = all(type_before_parametrizations(layer) is nn.Linear for layer in (first, second))
    # ONNX Runtime quantises no product with a factor.
    foldable = type(mlp.gelu) is QuickGELU and linear and not is_exporting()
    if not foldable:
        return mlp(x)
    hidden = torch.addmm(first.bias, x, first.weight.t(), beta=QUICK, alpha=QUICK)
    run = checkpointed if isinstance(mlp, CheckpointedMLP) else _call
    return run(_silu_linear, second, hidden)


def _silu_linear(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.addmm(layer.bias, F.silu(x), layer.weight.t(), alpha=1 / QUICK)


def _split(rows: torch.Tensor, layout: Layout) -> Sequence[torch.Tensor]:
    return rows.split([count * length for count, length in layout.shapes])


def _concatenate(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _call(function: Callable, *args: Any) -> torch.Tensor:
    return function(*args)
