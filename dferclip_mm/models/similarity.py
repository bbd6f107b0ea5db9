"""Similarity of video and text features: pure functions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import einsum
from mmengine.dist import all_gather, all_reduce, get_rank, get_world_size


def cosine_logits(
    video: torch.Tensor, text: torch.Tensor, scale: float | torch.Tensor
) -> torch.Tensor:
    """`scale` times the cosines of clips (B, D) and texts (N, D) of any length: (B, N), float32.

    Half-precision features are compared in float32: MMAction2's losses and metrics call
    ``.numpy()``, which knows no bfloat16.
    """
    with torch.autocast(video.device.type, enabled=False):
        video = F.normalize(video.float(), dim=-1)
        text = F.normalize(text.float(), dim=-1)
        return scale * video @ text.T


def mean_unit_vector(features: torch.Tensor, index: torch.Tensor, groups: int) -> torch.Tensor:
    """The mean of each group's unit vectors, as a unit vector; arguments as `mean_vectors`."""
    unit = F.normalize(features.float(), dim=-1)
    return F.normalize(mean_vectors(unit, index, groups), dim=-1)


def mean_vectors(vectors: torch.Tensor, index: torch.Tensor, groups: int) -> torch.Tensor:
    """The mean of each group's vectors: (N, D) and the group of each, (N,), to (C, D).

    Each of the groups ``0 … groups - 1`` has a vector.
    """
    total = vectors.new_zeros(groups, vectors.shape[-1]).index_add(0, index, vectors)
    # Not bincount, which programs that are exported cannot hold.
    counts = vectors.new_zeros(groups, 1).index_add(0, index, torch.ones_like(vectors[:, :1]))
    return total / counts


def contrastive_loss(
    video: torch.Tensor,
    text: torch.Tensor,
    scale: float | torch.Tensor,
    positives: torch.Tensor | None = None,
) -> torch.Tensor:
    """The symmetric contrastive loss of clips and their texts (CLIP, EmoCLIP): a float32 scalar.

    The mean of two cross-entropies: each clip has to find its text among all texts of the batch,
    each text its clip among all clips.

    Args:
        video: (B, D), of any length.
        text: (B, D), of any length; row i belongs to clip i.
        scale: the factor of the cosines.
        positives: boolean (B, B), True where clip i and text j belong together, at least on the
            diagonal. Each such pair competes with the pairs of its row (or column) that do not
            belong together, and a row is the mean over its pairs. None: the diagonal.
    """
    logits = cosine_logits(video, text, scale)
    if positives is None:
        positives = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    return (_info_nce(logits, positives) + _info_nce(logits.T, positives.T)) / 2


def _info_nce(logits: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    # Sharing the target among equal texts, as soft labels do, would change nothing: the sum over
    # them is that of the diagonal. What helps is that they are not each other's negatives.
    negatives = logits.masked_fill(positives, torch.finfo(logits.dtype).min)
    against = negatives.logsumexp(dim=1, keepdim=True)
    # -log of exp(l) / (exp(l) + sum of exp over the negatives).
    losses = F.softplus(against - logits)
    return ((losses * positives).sum(dim=1) / positives.sum(dim=1)).mean()


def snippet_weights(
    clips: torch.Tensor, snippets: torch.Tensor, least: float = 0.15
) -> torch.Tensor:
    """How much each snippet of a clip counts (DK-CLIP): (B, D) and (B, S, D) to (B, S).

    The softmax of its cosine to the clip, stretched to 0 … 1 in each clip; those below `least` are
    dropped, or below 0.6 / S of more than four snippets, whose weights are smaller. No gradient
    flows through them: where frames are nearly still, the stretching would make it explode.
    """
    # Half precision would round away what distinguishes the snippets.
    with torch.no_grad(), torch.autocast(clips.device.type, enabled=False):
        unit = F.normalize(clips.float(), dim=-1), F.normalize(snippets.float(), dim=-1)
        likeness = einsum(*unit, 'b d, b s d -> b s')
        low, high = likeness.aminmax(dim=1, keepdim=True)
        weights = ((likeness - low) / (high - low).clamp_min(1e-6)).softmax(1)
        return weights * (weights >= min(least, 0.6 / weights.shape[1]))


def gather_with_gradient(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Concatenate each tensor (B, …) over all processes in order of rank: (B · processes, …).

    A loss over the joint batch, computed in every process, has under DistributedDataParallel the
    gradients of one process with that batch: each tensor's gradient is summed over the processes,
    and DistributedDataParallel takes the mean.

    Raises:
        ValueError: when the processes have batches of different sizes.
    """
    if get_world_size() == 1:
        return tensors
    length = torch.tensor([len(tensors[0])], device=tensors[0].device)
    lengths = [int(each) for each in all_gather(length)]
    if len(set(lengths)) > 1:
        raise ValueError(
            f'gather_with_grad=True needs batches of one size in all processes, found {lengths}: '
            'set train_dataloader.drop_last=True'
        )
    return tuple(_Gather.apply(tensor.contiguous()) for tensor in tensors)


class _Gather(torch.autograd.Function):
    """PyTorch's own differentiable gather is deprecated, and its successor private."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        ctx.length = len(tensor)
        return torch.cat(all_gather(tensor))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        all_reduce(total, op='sum')
        first = get_rank() * ctx.length
        return total[first : first + ctx.length]
