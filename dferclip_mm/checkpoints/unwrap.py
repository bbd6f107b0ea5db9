"""A model and its full state dict, without the wrappers of distributed training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from torch.distributed.fsdp import (
    FullStateDictConfig,
    FullyShardedDataParallel,
    StateDictType,
)


def unwrap_model(model: Any) -> torch.nn.Module:
    """The model itself, or what a wrapper such as DistributedDataParallel holds."""
    return model.module if is_model_wrapper(model) else model


@contextmanager
def full_state_dict(model: Any) -> Iterator[Any]:
    """The module whose ``state_dict`` and ``load_state_dict`` take full tensors by plain names.

    This is the unwrapped model or, of a sharded model (FSDP), the wrapper, which gathers the
    shards: all processes have to enter, read and write together.
    """
    if isinstance(model, FullyShardedDataParallel):
        config = FullStateDictConfig(offload_to_cpu=True, rank0_only=False)
        kind = StateDictType.FULL_STATE_DICT
        with FullyShardedDataParallel.state_dict_type(model, kind, config):
            yield model
    else:
        yield unwrap_model(model)
