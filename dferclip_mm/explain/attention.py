"""Attention weights of a forward pass, and what flows along them.

The towers compute attention without its weights, which is faster. Hooks compute them here, from the
modules' inputs, and put them into the graph, so that they have gradients.
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


@contextmanager
def record_attention(modules: Sequence[Any]) -> Iterator[list[torch.Tensor]]:
    """Record the weights of self-attention, (B, heads, Q, N), in the order of computation.

    The modules are the temporal Transformer's, PyTorch's ``nn.MultiheadAttention`` (open_clip), or
    have a module ``attn_drop`` that is given the weights (timm, VideoMAE). Of the recorded weights
    the model's output is a function.
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

    Each block adds what it passes on to what is there: the product of 1 + share over the blocks,
    less 1 (Abnar & Zuidema, 2020, section 3; Chefer, Gur & Wolf, 2021, equation 6). From (B, N, N)
    of each block, of which the last may have only the first rows, to that one's shape.
    """
    itself = found = torch.eye(shares[0].shape[-1], device=shares[0].device)
    for share in shares:
        found = found[..., : share.shape[1], :] + share @ found
    return found - itself[: found.shape[1]]
