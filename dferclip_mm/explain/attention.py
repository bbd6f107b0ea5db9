"""Attention weights of a forward pass, by hooks that compute them, and what flows along them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from ..models.necks.temporal_transformer import Attention, TemporalTransformer
from .clip import Clip, UndefinedError, class_logits


@contextmanager
def record_attention(modules: Sequence[Any]) -> Iterator[list[torch.Tensor]]:
    """Record the weights of self-attention, (B, heads, Q, N), in the order of computation.

    The modules are the temporal Transformer's, PyTorch's (open_clip), or have an ``attn_drop`` that
    is given the weights (timm, VideoMAE). The model's output is a function of what is recorded.
    """
    weights: list[torch.Tensor] = []

    def recompute(module: Any, inputs: tuple, output: Any) -> Any:
        ours = isinstance(module, Attention)
        x = inputs[0]
        qkv = module.qkv(x) if ours else F.linear(x, module.in_proj_weight, module.in_proj_bias)
        q, k, v = rearrange(qkv, 'b t (n h d) -> n b h t d', n=3, h=module.num_heads)
        q = q[:, :, : inputs[1]] if ours else q
        weights.append((q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1))
        values = rearrange(weights[-1] @ v, 'b h t d -> b t (h d)')
        return module.proj(values) if ours else (module.out_proj(values), None)

    with ExitStack() as stack:
        for module in modules:
            if isinstance(module, Attention | nn.MultiheadAttention):
                hook = module.register_forward_hook(recompute)
            else:
                hook = module.attn_drop.register_forward_hook(lambda *call: weights.append(call[2]))
                # timm's switch between PyTorch's kernel and plain attention.
                if getattr(module, 'fused_attn', False):
                    stack.callback(setattr, module, 'fused_attn', True)
                    module.fused_attn = False
            stack.enter_context(hook)
        yield weights


def rollout(shares: Sequence[torch.Tensor]) -> torch.Tensor:
    """How much of each input token arrives at each output token, besides the token itself.

    The product of 1 + share over the blocks, less 1 (Chefer, Gur & Wolf, 2021, equation 6). Shares
    are (B, N, N), the last one's and the result's rows the first.
    """
    itself = found = torch.eye(shares[0].shape[-1], device=shares[0].device)
    for share in shares:
        found = found[..., : share.shape[1], :] + share @ found
    return found - itself[: found.shape[1]]


@torch.no_grad()
def frame_attention(model: Any, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The attention of the temporal Transformer's class token to each of T frames.

    All weights, (T, layers, heads), and their rollout, (T,), of any scale. Raises UndefinedError
    when the model has no such choice.
    """
    neck: Any = getattr(model, 'neck', None)
    reads = isinstance(neck, TemporalTransformer) and neck.pool == 'cls'
    with record_attention([block.attn for block in neck.blocks] if reads else []) as weights:
        class_logits(model, clip.inputs[None])
    if not reads or weights[0].shape[-1] == 2 < len(clip.numbers):
        raise UndefinedError(
            "attention over time needs a TemporalTransformer with pool='cls' and several features "
            f'of a clip, found {type(neck).__name__} behind {type(model.backbone).__name__}'
        )
    rows = torch.stack([each[0, :, 0, 1:].T for each in weights], dim=1)
    arrived = rollout([each.mean(dim=1) for each in weights])[0, 0, 1:]
    return clip.spread(rows), clip.spread(arrived)
