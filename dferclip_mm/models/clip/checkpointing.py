"""Less memory for the backward pass: parts of a tower are recomputed there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from .lora import choose_blocks


def checkpointed(function: Callable, *args: Any) -> torch.Tensor:
    """Call a function and keep only its arguments; the backward pass calls it again.

    Tensors have to be arguments of their own: saved-tensor hooks do not see those inside others.
    """
    if not torch.is_grad_enabled():
        return function(*args)
    # Only updates of LoRA have dropout, which the second call has to repeat.
    random = any(map(_has_dropout, (function, *args)))
    return checkpoint(function, *args, use_reentrant=False, preserve_rng_state=random)


def _has_dropout(value: Any) -> bool:
    return isinstance(value, nn.Module) and any(
        isinstance(module, nn.Dropout) and module.p > 0 and module.training
        for module in value.modules()
    )


class CheckpointedMLP(nn.Sequential):
    """A block's MLP that keeps its input and its first layer's output for the backward pass.

    The activation is recomputed there, the second layer is not.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, D) -> (…, D)."""
        first, *rest = self
        # What the rest needs is complete before its last product, where recomputing stops.
        return checkpointed(nn.Sequential(*rest), first(x))


def reduce_activation_memory(tower: Any, checkpoint_mlp: bool, grad_checkpointing: bool) -> None:
    """Make open_clip's tower keep less for the backward pass, in place; names of weights stay.

    With `checkpoint_mlp` every block's MLP is a `CheckpointedMLP`; with `grad_checkpointing` every
    block is recomputed from its input.

    Raises:
        ValueError: when the tower has no such blocks.
    """
    if grad_checkpointing:
        tower.set_grad_checkpointing(True)
    if checkpoint_mlp:
        for block in choose_blocks(tower, None, 'checkpoint_mlp'):
            block.mlp = CheckpointedMLP(OrderedDict(block.mlp.named_children()))
