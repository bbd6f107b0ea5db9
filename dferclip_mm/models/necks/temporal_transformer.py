"""The temporal Transformer with a class token."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import nn

from ..pool import to_sequence

POOLS = ('cls', 'mean', 'max')


class Attention(nn.Module):
    """Multi-head self-attention whose heads may be wider than D / num_heads."""

    def __init__(self, dim: int, num_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * num_heads * head_dim, bias=False)
        self.proj = nn.Linear(num_heads * head_dim, dim)

    def forward(self, x: torch.Tensor, first: int | None = None) -> torch.Tensor:
        """The first positions (None: all) attend over T: (B, T, D) -> (B, first, D)."""
        width = self.proj.in_features
        q_weight, kv_weight = self.qkv.weight.split([width, 2 * width])
        q = rearrange(F.linear(x[:, :first], q_weight), 'b t (h d) -> b h t d', h=self.num_heads)
        k, v = rearrange(F.linear(x, kv_weight), 'b t (n h d) -> n b h t d', n=2, h=self.num_heads)
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout * self.training)
        return self.proj(rearrange(x, 'b h t d -> b t (h d)'))


class Block(nn.Module):
    """A pre-norm Transformer block with the tanh form of GELU."""

    def __init__(
        self, dim: int, num_heads: int, head_dim: int, mlp_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, num_heads, head_dim, dropout)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim),
            nn.GELU(approximate='tanh'),
            nn.Linear(mlp_dim, dim),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, first: int | None = None) -> torch.Tensor:
        """Transform a sequence's first positions (None: all): (B, T, D) -> (B, first, D)."""
        x = x[:, :first] + self.dropout(self.attn(self.norm1(x), first))
        return x + self.dropout(self.mlp(self.norm2(x)))


@MODELS.register_module()
class TemporalTransformer(BaseModule):
    """A Transformer over the frames of a clip, read at its class token (DFER-CLIP, section 3.2).

    The neck of `FrameRecognizer`, or of MMAction2's `Recognizer3D` behind any video backbone.

    Args:
        in_channels: D of the frame features.
        embed_dims: D inside and of the result; if it is not `in_channels`, a linear projection
            is added in front.
        max_frames: the longest clip; the position table has a row for each frame and one more.
        depth: number of blocks.
        num_heads: attention heads.
        head_dim: width of each head.
        mlp_dim: hidden width of the feed-forward network.
        dropout: after attention and feed-forward, and on attention weights.
        pool: what is read: the class token (``'cls'``), or the mean or maximum over the frames.
        frozen: do not train the weights.

    Raises:
        ValueError: when `pool` is none of these.
    """

    def __init__(
        self,
        in_channels: int = 512,
        embed_dims: int = 512,
        max_frames: int = 16,
        depth: int = 1,
        num_heads: int = 8,
        head_dim: int = 64,
        mlp_dim: int = 1024,
        dropout: float = 0.0,
        pool: str = 'cls',
        frozen: bool = False,
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f'pool={pool!r}: expected one of {", ".join(POOLS)}')
        self.in_channels = in_channels
        self.max_frames = max_frames
        self.pool = pool
        same = in_channels == embed_dims
        self.proj = nn.Identity() if same else nn.Linear(in_channels, embed_dims)
        self.cls_token = nn.Parameter(torch.randn(1, 1, embed_dims))
        self.pos_embed = nn.Parameter(torch.randn(1, max_frames + 1, embed_dims))
        self.blocks = nn.Sequential(
            *(Block(embed_dims, num_heads, head_dim, mlp_dim, dropout) for _ in range(depth))
        )
        self.requires_grad_(not frozen)

    def forward(self, x: Any, data_samples: Any = None) -> tuple[torch.Tensor, dict]:
        """Clip features (B, embed_dims), and MMAction2's dict of auxiliary losses, empty.

        Args:
            x: frame features (B, T, D), or whatever a video backbone returns (see `to_sequence`).
            data_samples: unused; MMAction2 passes them in training.

        Raises:
            ValueError: when D is not `in_channels`, or T exceeds `max_frames`.
        """
        x = to_sequence(x)
        batch, frames, channels = x.shape
        if channels != self.in_channels:
            raise ValueError(
                f'the backbone gives {channels} channels, TemporalTransformer expects '
                f'{self.in_channels}: set neck.in_channels={channels}'
            )
        if frames > self.max_frames:
            raise ValueError(
                f'clips of {frames} frames, but the position table of TemporalTransformer ends '
                f'at {self.max_frames}: set neck.max_frames={frames}'
            )
        x = torch.cat([repeat(self.cls_token, '1 1 d -> b 1 d', b=batch), self.proj(x)], dim=1)
        x = x + self.pos_embed[:, : frames + 1]
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x)
        # Where the class token is read, nothing else leaves the last block.
        x = last(x, 1 if self.pool == 'cls' else None)
        if self.pool == 'cls':
            return x[:, 0], {}
        return (x[:, 1:].mean(1) if self.pool == 'mean' else x[:, 1:].amax(1)), {}
