"""From what stands in front of a head to one vector per clip."""

from __future__ import annotations

from typing import Any

import torch
from einops import reduce

from ..necks.to_sequence import to_sequence


def pool_to_clip(features: Any, num_segs: int | None = None) -> torch.Tensor:
    """One vector per clip: space (and time) averaged, then the clip's segments.

    What the host's own heads do, so that a head of ours can take their place.

    Args:
        features: vectors (B, D), or maps (B, D, H, W) or (B, D, T, H, W); where the host's 2D
            recognizer calls, B counts every segment of every clip. Of several scales the last one,
            of MViT's pairs the class token; SlowFast's two paths are joined along D.
        num_segs: segments of each clip, as the host's 2D recognizer passes it; None for one.

    Returns:
        (B / num_segs, D).

    Raises:
        ValueError: when the features are none of these.
    """
    if isinstance(features, tuple | list) and features:
        last = features[-1]
        if isinstance(last, tuple | list):
            features = last[-1]
        else:
            features = to_sequence(features).mean(1) if last.ndim == 5 else last
    if not isinstance(features, torch.Tensor) or features.ndim not in (2, 4, 5):
        raise ValueError(
            'the head expects vectors (B, D) or maps (B, D, H, W) or (B, D, T, H, W), found '
            f'{_describe(features)}: put a TemporalTransformer in between'
        )
    # Maps over time hold their segments, also where the host's fcn_test passes num_segs along.
    if features.ndim == 5:
        return reduce(features, 'b d t h w -> b d', 'mean')
    if features.ndim == 4:
        features = reduce(features, 'b d h w -> b d', 'mean')
    if num_segs is not None and num_segs > 1:
        features = reduce(features, '(b s) d -> b d', 'mean', s=num_segs)
    return features


def view_segments(num_segs: int | None, num_segments: int | None) -> int | None:
    """How many segments make a view.

    The host's 2D recognizer counts those of all views together; `FrameRecognizer`, which parts
    views itself, says 1.

    Args:
        num_segs: what the recognizer says.
        num_segments: what the head was told, or None.
    """
    return num_segments if num_segments and num_segs and num_segs > 1 else num_segs


def _describe(features: Any) -> str:
    if isinstance(features, torch.Tensor):
        return f'the shape {tuple(features.shape)}'
    return f'a {type(features).__name__}'
