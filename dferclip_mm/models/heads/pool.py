"""From what stands in front of a head to one vector per clip."""

from __future__ import annotations

import torch
from einops import reduce


def pool_clips(features: torch.Tensor, num_segs: int | None = None) -> torch.Tensor:
    """One vector per clip: space (and time) averaged, then the clip's segments.

    What the host's own heads do, so that a head of ours can take their place.

    Args:
        features: vectors (B, D), or maps (B, D, H, W) or (B, D, T, H, W); where the host's 2D
            recognizer calls, B counts every segment of every clip.
        num_segs: segments of each clip, as the host's 2D recognizer passes it; None for one.

    Returns:
        (B / num_segs, D).

    Raises:
        ValueError: when the features are none of these.
    """
    if isinstance(features, tuple | list):
        features = features[-1]
    if features.ndim not in (2, 4, 5):
        raise ValueError(
            'the head expects vectors (B, D) or maps (B, D, H, W) or (B, D, T, H, W), found the '
            f'shape {tuple(features.shape)}: put a TemporalTransformer in between'
        )
    if features.ndim > 2:
        features = reduce(features, 'b d ... -> b d', 'mean')
    if num_segs is not None and num_segs > 1:
        features = reduce(features, '(b s) d -> b d', 'mean', s=num_segs)
    return features
