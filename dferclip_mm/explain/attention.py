"""Attention weights of a forward pass, and what flows along them.

The towers compute attention without its weights, which is faster. Hooks compute them here, from the
modules' inputs, and put them into the graph, so that they have gradients. With the hooks all of it
goes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from ..models.necks.temporal_transformer import Attention
from .clip import UndefinedError


@contextmanager
def record_attention(modules: Sequence[nn.Module]) -> Iterator[list[torch.Tensor]]:
    """Record the weights of self-attention in a forward pass.

    Args:
        modules: the temporal Transformer's, PyTorch's ``nn.MultiheadAttention`` (open_clip), or
            with a module ``attn_drop`` that is given the weights (timm, VideoMAE).

    Yields:
        A list that a forward pass fills in the order of computation: weights (B, heads, Q, N), of
        which the model's output is a function.

    Raises:
        UndefinedError: when a module is none of these.
    """
    weights: list[torch.Tensor] = []
    with ExitStack() as stack:
        for module in modules:
            # timm's switch between PyTorch's kernel and plain attention.
            stack.enter_context(switched_off(module, 'fused_attn'))
            if isinstance(module, Attention | nn.MultiheadAttention):
                handle = module.register_forward_hook(_recompute(weights))
            elif isinstance(drop := getattr(module, 'attn_drop', None), nn.Module):
                handle = drop.register_forward_hook(_note(weights))
            else:
                raise UndefinedError(f'{type(module).__name__} does not show its attention weights')
            stack.callback(handle.remove)
        yield weights


@contextmanager
def switched_off(module: nn.Module, name: str) -> Iterator[None]:
    """Set a switch of a module, and of those in it, to False for a while."""
    found = [each for each in module.modules() if getattr(each, name, False) is True]
    for each in found:
        setattr(each, name, False)
    try:
        yield
    finally:
        for each in found:
            setattr(each, name, True)


def _note(weights: list[torch.Tensor]) -> Any:
    return lambda module, inputs, output: weights.append(output)


def _recompute(weights: list[torch.Tensor]) -> Any:
    def attend(module: Any, inputs: tuple, output: Any) -> Any:
        ours = isinstance(module, Attention)
        x = inputs[0]
        qkv = module.qkv(x) if ours else F.linear(x, module.in_proj_weight, module.in_proj_bias)
        q, k, v = rearrange(qkv, 'b t (n h d) -> n b h t d', n=3, h=module.num_heads)
        q = q[:, :, : inputs[1]] if ours else q
        weights.append((q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1))
        values = rearrange(weights[-1] @ v, 'b h t d -> b t (h d)')
        return module.proj(values) if ours else (module.out_proj(values), None)

    return attend


def attention_rollout(weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """How much of each input token arrives at each output token, by attention alone.

    Each block passes on the mean of its heads and, with the same share, the token itself
    (Abnar & Zuidema, 2020, section 3).

    Args:
        weights: of each block, (B, heads, N, N); the last one may have fewer rows, the first ones.

    Returns:
        (B, rows of the last block, N); each row sums to 1.
    """
    rollout = torch.eye(weights[0].shape[-1], device=weights[0].device)
    for each in weights:
        mean = each.mean(dim=1)
        rollout = (mean @ rollout + rollout[..., : mean.shape[1], :]) / 2
    return rollout


def relevance_rollout(
    weights: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor]
) -> torch.Tensor:
    """How much each token speaks for a score, (B, N), zero or positive.

    Attention counts as far as the score rises with it (Chefer, Gur & Wolf, 2021, equations 5 and
    6). The score is read at the tokens whose rows of the last block have a gradient: the class
    token's, or all where tokens are averaged.

    Args:
        weights: of each block, (B, heads, N, N).
        gradients: of the score, for each of the weights.
    """
    itself = torch.eye(weights[0].shape[-1], device=weights[0].device)
    relevance = itself
    for weight, gradient in zip(weights, gradients, strict=True):
        relevance = relevance + (weight * gradient).clamp(min=0).mean(dim=1) @ relevance
    read = gradients[-1].abs().sum(dim=(1, 3)) > 0
    rows = read.sum(dim=1, keepdim=True).clamp(min=1)
    # Without what a token tells of itself, which would hide the rest.
    return ((relevance - itself) * read.unsqueeze(-1)).sum(dim=1) / rows
