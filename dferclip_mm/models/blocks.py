"""open_clip's Transformers, for answers that are read at one position of each sequence.

Nothing but that position leaves the last block, so only its keys and values need all tokens: the
query, the output projection and the feed-forward network are computed for one token. The answers
are those of the whole block.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from open_clip.transformer import ResidualAttentionBlock, Transformer, VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint


def reads_one_token(tower: nn.Module) -> bool:
    """Whether `encode_images` is for this image tower: a Transformer read at its class token."""
    return (
        isinstance(tower, VisionTransformer)
        and tower.pool_type == 'tok'
        and tower.attn_pool is None
        and not tower.output_tokens
        and _has_plain_end(tower.transformer)
    )


def encode_images(tower: Any, images: torch.Tensor) -> torch.Tensor:
    """Images (N, 3, H, W) through an image tower to its features (N, D)."""
    found = tower.forward_intermediates(
        images,
        indices=[len(tower.transformer.resblocks) - 2],
        stop_early=True,
        intermediates_only=True,
        output_fmt='NLC',
        output_extra_tokens=True,
    )
    (class_token,), (patches,) = found['image_intermediates_prefix'], found['image_intermediates']
    x = torch.cat([class_token, patches], dim=1)
    x = tower.ln_post(_answer_last(tower.transformer, x, class_token, None)[:, 0])
    return x if tower.proj is None else x @ tower.proj


def transform_at(
    transformer: Any, x: torch.Tensor, position: torch.Tensor, attn_mask: torch.Tensor
) -> torch.Tensor:
    """What a Transformer answers at one position of each sequence.

    Args:
        transformer: open_clip's.
        x: sequences (N, L, D).
        position: (N,), where each is read.
        attn_mask: (L, L), added to the scores.

    Returns:
        (N, D).
    """
    rows = torch.arange(len(x), device=x.device)
    if not _has_plain_end(transformer):
        return transformer(x, attn_mask=attn_mask)[rows, position]
    before_last = [len(transformer.resblocks) - 2]
    x, _ = transformer.forward_intermediates(x, attn_mask, indices=before_last, stop_early=True)
    heads = transformer.resblocks[-1].attn.num_heads
    mask = attn_mask[position].repeat_interleave(heads, dim=0)[:, None]
    return _answer_last(transformer, x, x[rows, position][:, None], mask)[:, 0]


def answer(
    block: Any, x: torch.Tensor, queries: torch.Tensor, attn_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """What a residual attention block makes of some of its tokens.

    Args:
        block: open_clip's, with self-attention.
        x: sequences (N, L, D).
        queries: (N, Q, D), those tokens of x.
        attn_mask: (N · heads, Q, L), added to the scores.

    Returns:
        (N, Q, D).
    """
    context = block.ln_1(x)
    attended = block.attention(block.ln_1(queries), context, context, attn_mask=attn_mask)
    queries = queries + block.ls_1(attended)
    return queries + block.ls_2(block.mlp(block.ln_2(queries)))


class LeanMLP(nn.Sequential):
    """A block's MLP that keeps its input and its first layer's output for the backward pass.

    The activation is computed again there, the second layer is not.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, D) -> (…, D)."""
        first, *rest = self
        # What the rest needs is complete before its last product, where recomputing stops.
        return checkpoint(
            nn.Sequential(*rest), first(x), use_reentrant=False, preserve_rng_state=False
        )


def keep_less(tower: Any, lean: bool, grad_checkpointing: bool) -> None:
    """Have a tower keep less for the backward pass, in place; names of weights stay.

    Args:
        tower: open_clip's, of images or texts.
        lean: every block's MLP as a `LeanMLP`.
        grad_checkpointing: compute every block again from its input.

    Raises:
        ValueError: when the tower has no such blocks.
    """
    if grad_checkpointing:
        tower.set_grad_checkpointing(True)
    if not lean:
        return
    blocks = getattr(getattr(tower, 'transformer', None), 'resblocks', ())
    if not blocks or not all(type(block) is ResidualAttentionBlock for block in blocks):
        raise ValueError(
            f"lean=True is for open_clip's Transformers, found {type(tower).__name__} or blocks of "
            'another kind: leave it out'
        )
    for block in blocks:
        block.mlp = LeanMLP(OrderedDict(block.mlp.named_children()))


def _answer_last(
    transformer: Any, x: torch.Tensor, queries: torch.Tensor, attn_mask: torch.Tensor | None
) -> torch.Tensor:
    block = transformer.resblocks[-1]
    if transformer.grad_checkpointing:
        return checkpoint(answer, block, x, queries, attn_mask, use_reentrant=False)
    return answer(block, x, queries, attn_mask)


def _has_plain_end(transformer: nn.Module) -> bool:
    """A Transformer of several blocks whose last one is self-attention and an MLP, no more."""
    return (
        isinstance(transformer, Transformer)
        and len(transformer.resblocks) > 1
        and type(transformer.resblocks[-1]) is ResidualAttentionBlock
        and transformer.batch_first
    )
