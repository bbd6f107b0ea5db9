"""Answers of snippets of a clip, and their agreement with the clip's (DK-CLIP): pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import einsum, reduce


def snippet_features(frames: torch.Tensor, length: int) -> torch.Tensor:
    """The mean over each of T / length snippets: frame features (B, T, D) to (B, S, D).

    Raises:
        ValueError: when T is no multiple of the length.
    """
    if frames.shape[1] % length:
        raise ValueError(
            f'clips of {frames.shape[1]} frames have no snippets of {length}: set '
            'cls_head.snippet_frames to a divisor'
        )
    return reduce(frames, 'b (s l) d -> b s d', 'mean', l=length)


def snippet_weights(
    clips: torch.Tensor, snippets: torch.Tensor, least: float = 0.15
) -> torch.Tensor:
    """How much each snippet counts: (B, S), by its likeness to the clip.

    The softmax of the cosines, stretched to 0 … 1 in each clip; those below `least` are
    dropped, or below 0.6 / S of more than four snippets, whose weights are smaller. No gradient
    flows through them: where frames are nearly still, the stretching would make it explode.

    Args:
        clips: (B, D), of any length.
        snippets: (B, S, D), of any length.
        least: the smallest weight that is kept.
    """
    # Half precision would round away what distinguishes the snippets.
    with torch.no_grad(), torch.autocast(clips.device.type, enabled=False):
        unit = F.normalize(clips.float(), dim=-1), F.normalize(snippets.float(), dim=-1)
        likeness = einsum(*unit, 'b d, b s d -> b s')
        low, high = likeness.aminmax(dim=1, keepdim=True)
        weights = ((likeness - low) / (high - low).clamp_min(1e-6)).softmax(1)
        return weights * (weights >= min(least, 0.6 / weights.shape[1]))


def consistency_loss(snippets: torch.Tensor, clips: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of the snippets' answers with the clips', two logits (B, C); a scalar.

    The public code of DK-CLIP takes the softmax of the snippets' logits twice; here it is taken
    once. Gradients flow into both, as there.
    """
    return -(clips.softmax(-1) * snippets.log_softmax(-1)).sum(-1).mean()
