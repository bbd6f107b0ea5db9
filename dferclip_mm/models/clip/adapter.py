"""Bottleneck adapters (Houlsby et al., ICML 2019) in the blocks of a frozen tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .lora import choose_blocks


class Adapter(nn.Module):
    """A bottleneck with a shortcut: x + W_up GELU(W_down x + b_down) + b_up, at the start x."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.adapter_down = nn.Linear(width, dim)
        self.adapter_up = nn.Linear(dim, width)
        nn.init.zeros_(self.adapter_up.weight)
        nn.init.zeros_(self.adapter_up.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, width) -> (…, width)."""
        return x + self.adapter_up(nn.functional.gelu(self.adapter_down(x)))


def add_adapters(tower: Any, dim: int, layers: Sequence[int] | None = None) -> None:
    """Add trainable adapters to a frozen tower, in place: behind attention and behind the MLP.

    They stand where a block scales what it adds to its tokens, and where CLIP does nothing.

    Args:
        tower, layers: as of `add_lora`.
        dim: width of the bottlenecks.

    Raises:
        ValueError: when the tower has no such blocks, or a setting is invalid.
    """
    if dim < 1:
        raise ValueError(f'adapter.dim={dim}: expected a width from 1')
    for block in choose_blocks(tower, layers, 'adapter'):
        for place in ('ls_1', 'ls_2'):
            if not isinstance(getattr(block, place), nn.Identity):
                raise ValueError(
                    "adapter is for blocks without layer scales, such as ViT-B-16's: leave it out"
                )
            setattr(block, place, Adapter(block.ln_1.normalized_shape[0], dim))
