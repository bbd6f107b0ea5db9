"""Similarity of video and text features: pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def cosine_logits(
    video: torch.Tensor, text: torch.Tensor, scale: float | torch.Tensor
) -> torch.Tensor:
    """Scaled cosine similarity of every clip with every text, in float32.

    Half-precision features are compared in float32: the host's losses and metrics call
    ``.numpy()``, which knows no bfloat16.

    Args:
        video: (B, D), of any length.
        text: (N, D), of any length.
        scale: what the cosine is multiplied with.

    Returns:
        Logits (B, N).
    """
    with torch.autocast(video.device.type, enabled=False):
        video = F.normalize(video.float(), dim=-1)
        text = F.normalize(text.float(), dim=-1)
        return scale * video @ text.T


def mean_direction(features: torch.Tensor, index: torch.Tensor, groups: int) -> torch.Tensor:
    """The mean of each group's unit vectors, as a unit vector (a prompt ensemble).

    Args:
        features: (N, D), of any length.
        index: (N,), the group of each row, all of ``0 … groups - 1``.
        groups: number of groups, C.

    Returns:
        (C, D), each of length 1.
    """
    unit = F.normalize(features.float(), dim=-1)
    total = unit.new_zeros(groups, unit.shape[-1]).index_add(0, index, unit)
    return F.normalize(total, dim=-1)
