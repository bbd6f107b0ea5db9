"""The batches of all processes as one, with gradients."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_gather, all_reduce, get_rank, get_world_size


def gather_batches(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Each tensor (B, …) of this process with those of all processes behind each other.

    A loss on the joint batch that every process computes in full has, under
    DistributedDataParallel, the gradients of one process with that batch: the gradient of each
    part comes back from every process, and DistributedDataParallel takes the mean over them.

    Args:
        tensors: of the same length B, the same in all processes.

    Returns:
        Tensors (B · processes, …), in order of rank.

    Raises:
        ValueError: when the processes have batches of different sizes.
    """
    if get_world_size() == 1:
        return tensors
    length = torch.tensor([len(tensors[0])], device=tensors[0].device)
    lengths = [int(each) for each in all_gather(length)]
    if len(set(lengths)) > 1:
        raise ValueError(
            f'gather=True needs batches of one size in all processes, found {lengths}: set '
            'train_dataloader.drop_last=True'
        )
    return tuple(_Gather.apply(tensor.contiguous()) for tensor in tensors)


class _Gather(torch.autograd.Function):
    """Torch's own differentiable gathering is deprecated, and its successor private."""

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
