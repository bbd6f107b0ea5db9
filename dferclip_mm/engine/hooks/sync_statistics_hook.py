"""The statistics of batch norms, the same in all processes."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook

from ...models.clip.build import counted_buffers


@HOOKS.register_module()
class SyncStatisticsHook(Hook):
    """Averages over processes what layers count in training, before it is used or saved.

    In place of the host's ``SyncBuffersHook``, which averages every buffer: for weights that are
    frozen that is work for nothing, and with three processes their last bits change.
    """

    priority = 'NORMAL'

    def after_train_epoch(self, runner: Any) -> None:
        """At the end of each epoch."""
        all_reduce_params(counted_buffers(runner.model), op='mean')

    def before_val_epoch(self, runner: Any) -> None:
        """Within an epoch too, where loops count iterations."""
        all_reduce_params(counted_buffers(runner.model), op='mean')
