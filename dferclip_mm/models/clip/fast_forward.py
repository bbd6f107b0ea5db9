"""open_clip's Transformers, for answers that are read at one token of each sequence.

The towers, their weights and the names of these stay open_clip's; only the way through is ours:

- the tokens of all sequences are the rows of one matrix, sequences of one length side by side, so
  that linear layers see no padding, and attention no mask;
- nothing but one token of each sequence leaves the last block, so only its keys and values need
  all tokens;
- QuickGELU is SiLU between two factors, which the linear layers around it take in: a pass over
  the widest tensors less, and a third less of them kept.

A tower that is built of anything else, or that somebody looks into by hooks, runs as open_clip has
it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, Transformer, VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

# QuickGELU(x) = x · sigmoid(1.702 x) = SiLU(1.702 x) / 1.702
QUICK = 1.702


class Layout(NamedTuple):
    """How the tokens of N sequences stand in one matrix (M, D), in groups of one length.

    Args:
        shapes: sequences and their length, (n, L), for each group: M is the sum of n · L.
        read: (N,), the row of the matrix at which each sequence is read.
        sees: for each group which of its tokens the one that is read attends to, boolean
            (n, 1, 1, L); None for all.
        causal: whether a token attends to those before it and itself alone.
    """

    shapes: Sequence[tuple[int, int]]
    read: torch.Tensor
    sees: Sequence[torch.Tensor | None]
    causal: bool


def reads_one_token(tower: nn.Module) -> bool:
    """Whether `encode_images` is for this image tower: a Transformer read at its class token."""
    return (
        isinstance(tower, VisionTransformer)
        and tower.pool_type == 'tok'
        and tower.attn_pool is None
        and not tower.output_tokens
        and is_plain(tower)
    )


def encode_images(tower: Any, images: torch.Tensor) -> torch.Tensor:
    """Images (N, 3, H, W) through an image tower to its features (N, D)."""
    x = tower.conv1(images).flatten(2).transpose(1, 2)
    class_token = tower.class_embedding.to(x.dtype).expand(len(x), 1, -1)
    x = torch.cat([class_token, x], dim=1) + tower.positional_embedding.to(x.dtype)
    x = tower.ln_pre(tower.patch_dropout(x))
    count, length = x.shape[:2]
    read = torch.arange(0, count * length, length, device=x.device)
    layout = Layout([(count, length)], read, [None], causal=False)
    x = tower.ln_post(transform(tower.transformer, x.flatten(0, 1), layout))
    return x if tower.proj is None else x @ tower.proj


def pack(
    sequences: torch.Tensor, groups: Sequence[Sequence[int]], end: Sequence[int]
) -> tuple[torch.Tensor, Layout]:
    """Causal sequences without what stands behind their ends, which nothing attends to.

    Args:
        sequences: (N, L, D).
        groups: their indices, those of similar length together; each is cut to its longest.
        end: the last position of each of the N sequences, where it is read.

    Returns:
        Their tokens (M, D), and how these stand.
    """
    device = sequences.device
    tokens, shapes, read, sees = [], [], [], []
    rows = 0
    for group in groups:
        last = torch.tensor([end[index] for index in group], device=device)
        shape = (len(group), max(end[index] for index in group) + 1)
        tokens.append(sequences[list(group), : shape[1]].flatten(0, 1))
        read.append(torch.arange(shape[0], device=device) * shape[1] + last + rows)
        equal = len({end[index] for index in group}) == 1
        sees.append(
            None if equal else torch.arange(shape[1], device=device) <= last.view(-1, 1, 1, 1)
        )
        shapes.append(shape)
        rows += shape[0] * shape[1]
    return torch.cat(tokens), Layout(shapes, torch.cat(read), sees, causal=True)


def groups_by_length(end: Sequence[int], most: int = 8) -> list[list[int]]:
    """Indices of sequences in at most so many groups of equal or similar length, shortest first."""
    order = sorted(range(len(end)), key=lambda index: end[index])
    step = 1
    while len({position // step for position in end}) > most:
        step += 1
    return [[*group] for _, group in groupby(order, key=lambda index: end[index] // step)]


def transform(transformer: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """What a Transformer of plain blocks makes of tokens (M, D), where they are read: (N, D)."""
    run: Callable = _again if transformer.grad_checkpointing else _now
    *blocks, last = transformer.resblocks
    for block in blocks:
        tokens = run(_through, block, tokens, layout)
    return run(_through_last, last, tokens, layout)


def is_plain(tower: Any) -> bool:
    """A tower whose blocks are self-attention and an MLP, no more, and that nobody looks into."""
    return (
        isinstance(tower.transformer, Transformer)
        and all(map(_is_plain_block, tower.transformer.resblocks))
        and not any(
            module._forward_hooks
            or module._forward_pre_hooks
            or module._backward_hooks
            or module._backward_pre_hooks
            for module in tower.modules()
        )
    )


def _is_plain_block(block: nn.Module) -> bool:
    return (
        type(block) is ResidualAttentionBlock
        and type(block.attn) is nn.MultiheadAttention
        and block.attn.in_proj_bias is not None
        and block.attn.dropout == 0
        and type(block.mlp) in (nn.Sequential, CheckpointedMLP)
        and not hasattr(block, 'ln_1_kv')
    )


class CheckpointedMLP(nn.Sequential):
    """A block's MLP that keeps its input and its first layer's output for the backward pass.

    The activation is computed again there, the second layer is not.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, D) -> (…, D)."""
        first, *rest = self
        # What the rest needs is complete before its last product, where recomputing stops.
        return _again(nn.Sequential(*rest), first(x))


def reduce_activation_memory(tower: Any, checkpoint_mlp: bool, grad_checkpointing: bool) -> None:
    """Have a tower keep less for the backward pass, in place; names of weights stay.

    Args:
        tower: open_clip's, of images or texts.
        checkpoint_mlp: every block's MLP as a `CheckpointedMLP`.
        grad_checkpointing: compute every block again from its input.

    Raises:
        ValueError: when the tower has no such blocks.
    """
    if grad_checkpointing:
        tower.set_grad_checkpointing(True)
    if not checkpoint_mlp:
        return
    blocks = getattr(getattr(tower, 'transformer', None), 'resblocks', ())
    if not blocks or not all(type(block) is ResidualAttentionBlock for block in blocks):
        raise ValueError(
            f"checkpoint_mlp=True is for open_clip's Transformers, found {type(tower).__name__} or "
            'blocks of another kind: leave it out'
        )
    for block in blocks:
        block.mlp = CheckpointedMLP(OrderedDict(block.mlp.named_children()))


def _through(block: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """All tokens through a block: (M, D)."""
    attn = block.attn
    qkv = F.linear(block.ln_1(tokens), attn.in_proj_weight, attn.in_proj_bias)
    answers = []
    for part, (count, length) in zip(_parts(qkv, layout), layout.shapes, strict=True):
        q, k, v = part.view(count, length, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=layout.causal)
        answers.append(rearrange(found, 'n h l d -> (n l) (h d)'))
    return _after_attention(block, tokens, _join(answers))


def _through_last(block: Any, tokens: torch.Tensor, layout: Layout) -> torch.Tensor:
    """The tokens that are read through a block: (N, D)."""
    attn, context = block.attn, block.ln_1(tokens)
    width = context.shape[1]
    q_weight, kv_weight = attn.in_proj_weight.split([width, 2 * width])
    q_bias, kv_bias = attn.in_proj_bias.split([width, 2 * width])
    queries = F.linear(context.index_select(0, layout.read), q_weight, q_bias)
    keys_values = F.linear(context, kv_weight, kv_bias)
    answers = []
    for query, part, (count, length), sees in zip(
        queries.split([count for count, _ in layout.shapes]),
        _parts(keys_values, layout),
        layout.shapes,
        layout.sees,
        strict=True,
    ):
        q = rearrange(query, 'n (h d) -> n h 1 d', h=attn.num_heads)
        k, v = part.view(count, length, 2, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=sees)
        answers.append(rearrange(found, 'n h 1 d -> n (h d)'))
    return _after_attention(block, tokens.index_select(0, layout.read), _join(answers))


def _after_attention(block: Any, x: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    project = block.attn.out_proj
    x = x + block.ls_1(F.linear(answers, project.weight, project.bias))
    return x + block.ls_2(_feed_forward(block.mlp, block.ln_2(x)))


def _feed_forward(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    """(M, D) -> (M, D)."""
    first, second = mlp.c_fc, mlp.c_proj
    foldable = type(mlp.gelu) is QuickGELU and type(first) is type(second) is nn.Linear
    if not foldable:
        return mlp(x)
    hidden = torch.addmm(first.bias, x, first.weight.t(), beta=QUICK, alpha=QUICK)
    return (_again if isinstance(mlp, CheckpointedMLP) else _now)(_from_silu, second, hidden)


def _from_silu(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.addmm(layer.bias, F.silu(x), layer.weight.t(), alpha=1 / QUICK)


def _parts(rows: torch.Tensor, layout: Layout) -> Sequence[torch.Tensor]:
    return rows.split([count * length for count, length in layout.shapes])


def _join(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _now(function: Callable, *args: Any) -> torch.Tensor:
    return function(*args)


def _again(function: Callable, *args: Any) -> torch.Tensor:
    """Keep the arguments alone, and compute again for the backward pass.

    Tensors have to be arguments of their own: saved-tensor hooks do not see those inside others.
    """
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=False)
