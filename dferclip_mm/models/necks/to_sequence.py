"""The output of any video backbone as a sequence of frame features."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, reduce


def to_sequence(features: Any) -> torch.Tensor:
    """Frame features (B, T, D) from what a backbone returns.

    - maps over time (B, D, T, H, W): the mean over space
    - sequences (B, T, D): as they are
    - vectors (B, D): one frame per clip
    - SlowFast's two paths (a pair of maps of unequal channels): the fast path is averaged to the
      slow path's frames, then both are joined along D
    - MViT's pairs of patch tokens and class token: the patch tokens of the last scale
    - several scales: the last one

    Args:
        features: the backbone's output.

    Raises:
        ValueError: when it is none of these.
    """
    if isinstance(features, tuple | list):
        if not features:
            raise ValueError('the backbone returned an empty tuple: expected features over time')
        last = features[-1]
        if isinstance(last, tuple | list):
            return to_sequence(last[0])
        if len(features) == 2 and _is_slow_fast(*features):
            slow, fast = (to_sequence(path) for path in features)
            fast = F.adaptive_avg_pool1d(rearrange(fast, 'b t d -> b d t'), slow.shape[1])
            return torch.cat([slow, rearrange(fast, 'b d t -> b t d')], dim=-1)
        return to_sequence(last)
    if features.ndim == 5:
        return reduce(features, 'b d t h w -> b t d', 'mean')
    if features.ndim == 3:
        return features
    if features.ndim == 2:
        return rearrange(features, 'b d -> b 1 d')
    raise ValueError(
        'expected features over time, (B, D, T, H, W), (B, T, D) or (B, D), found the shape '
        f'{tuple(features.shape)}: an image backbone needs FrameRecognizer'
    )


def _is_slow_fast(slow: torch.Tensor, fast: torch.Tensor) -> bool:
    """Two paths over the same clip: the second has more frames and fewer channels."""
    return slow.ndim == fast.ndim == 5 and (
        slow.shape[1] > fast.shape[1] and slow.shape[2] <= fast.shape[2]
    )
