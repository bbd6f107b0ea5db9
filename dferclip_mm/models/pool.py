"""What backbones return, as one vector per frame, per clip, or over time."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, reduce


def to_sequence(features: Any) -> torch.Tensor:
    """Frame features (B, T, D) from what a video backbone returns.

    - maps over time (B, D, T, H, W): the mean over space
    - sequences (B, T, D): as they are
    - vectors (B, D): one frame per clip
    - SlowFast's two paths (a pair of maps of unequal channels): the fast path is averaged to the
      slow path's frames, then both are joined along D
    - MViT's pairs of patch tokens and class token: the patch tokens of the last scale
    - several scales: the last one

    Raises:
        ValueError: when it is none of these.
    """
    if isinstance(features, tuple | list) and features:
        last = features[-1]
        if isinstance(last, tuple | list):
            return to_sequence(last[0])
        if len(features) == 2 and _is_slow_fast(*features):
            slow, fast = (to_sequence(path) for path in features)
            fast = F.adaptive_avg_pool1d(rearrange(fast, 'b t d -> b d t'), slow.shape[1])
            return torch.cat([slow, rearrange(fast, 'b d t -> b t d')], dim=-1)
        return to_sequence(last)
    ndim = getattr(features, 'ndim', None)
    if ndim == 5:
        return reduce(features, 'b d t h w -> b t d', 'mean')
    if ndim == 3:
        return features
    if ndim == 2:
        return rearrange(features, 'b d -> b 1 d')
    raise ValueError(
        f'expected features over time, (B, D, T, H, W), (B, T, D) or (B, D), found '
        f'{_shown(features)}: an image backbone needs FrameRecognizer'
    )


def pool_frames(features: Any) -> torch.Tensor:
    """One vector per frame, (N, D), from what an image backbone returns: the last scale's mean.

    Raises:
        ValueError: when these are neither vectors (N, D) nor maps (N, D, H, W).
    """
    if isinstance(features, tuple | list) and features:
        features = features[-1]
    ndim = getattr(features, 'ndim', None)
    if ndim == 4:
        return reduce(features, 'n d h w -> n d', 'mean')
    if ndim == 2:
        return features
    raise ValueError(
        f'expected vectors (N, D) or maps (N, D, H, W), found {_shown(features)}: for a head, put '
        'a TemporalTransformer in between; FrameRecognizer needs an image backbone, video '
        'backbones go into Recognizer3D'
    )


def pool_to_clip(
    features: Any, num_segs: int | None = None, in_channels: int | None = None
) -> torch.Tensor:
    """One vector per clip: the mean over space (and time), then over the clip's segments.

    As MMAction2's own heads do, so that a head of ours can replace them.

    Args:
        features: vectors (B, D), or maps (B, D, H, W) or (B, D, T, H, W); from MMAction2's
            `Recognizer2D`, B counts every segment of every clip. Of several scales the last one is
            taken, of MViT's pairs the class token; SlowFast's two paths are joined along D.
        num_segs: segments of each clip, as MMAction2's `Recognizer2D` passes it; None for one.
        in_channels: the expected D; None for any.

    Returns:
        (B / num_segs, D).

    Raises:
        ValueError: when the features are none of these, or D is not `in_channels`.
    """
    last = features[-1] if isinstance(features, tuple | list) and features else features
    if isinstance(last, tuple | list):
        features = last
    elif getattr(last, 'ndim', None) == 5:
        # These hold the segments already, though MMAction2 may pass num_segs (fcn_test).
        features, num_segs = to_sequence(features).mean(1), None
    features = pool_frames(features)
    if num_segs is not None and num_segs > 1:
        features = reduce(features, '(b s) d -> b d', 'mean', s=num_segs)
    channels = features.shape[-1]
    if in_channels not in (None, channels):
        raise ValueError(
            f'the head expects {in_channels} channels, found {channels}: set '
            f'cls_head.in_channels={channels}'
        )
    return features


def _is_slow_fast(slow: torch.Tensor, fast: torch.Tensor) -> bool:
    """Two paths over the same clip: the second has more frames and fewer channels."""
    return slow.ndim == fast.ndim == 5 and (
        slow.shape[1] > fast.shape[1] and slow.shape[2] <= fast.shape[2]
    )


def _shown(features: Any) -> str:
    shape = getattr(features, 'shape', None)
    return type(features).__name__ if shape is None else f'the shape {tuple(shape)}'
