"""From what a recognizer passes to a head to one vector per clip."""

from __future__ import annotations

from typing import Any

import torch
from einops import reduce

from ..necks.to_sequence import to_sequence


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
    if isinstance(features, tuple | list) and features:
        last = features[-1]
        if isinstance(last, tuple | list):
            features = last[-1]
        else:
            features = to_sequence(features).mean(1) if last.ndim == 5 else last
    if not isinstance(features, torch.Tensor) or features.ndim not in (2, 4, 5):
        is_tensor = isinstance(features, torch.Tensor)
        found = f'the shape {tuple(features.shape)}' if is_tensor else type(features).__name__
        raise ValueError(
            'the head expects vectors (B, D) or maps (B, D, H, W) or (B, D, T, H, W), found '
            f'{found}: put a TemporalTransformer in between'
        )
    if features.ndim == 5:
        # These hold the segments already, though MMAction2 may pass num_segs (fcn_test).
        features, num_segs = reduce(features, 'b d t h w -> b d', 'mean'), None
    elif features.ndim == 4:
        features = reduce(features, 'b d h w -> b d', 'mean')
    if num_segs is not None and num_segs > 1:
        features = reduce(features, '(b s) d -> b d', 'mean', s=num_segs)
    channels = features.shape[-1]
    if in_channels not in (None, channels):
        raise ValueError(
            f'the head expects {in_channels} channels, found {channels}: set '
            f'cls_head.in_channels={channels}'
        )
    return features
