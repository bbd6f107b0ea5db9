"""The statistics of batch norms, averaged over processes."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook


@HOOKS.register_module()
class SyncStatisticsHook(Hook):
    """Averages the running statistics of batch norms before they are used or saved.

    MMEngine's ``SyncBuffersHook`` averages every buffer, constants such as the pixels' mean and
    deviation too: from three processes on, rounding changes their last bits in every epoch, and a
    resumed run, which starts with the exact values, would differ.
    """

    priority = 'NORMAL'

    def after_train_epoch(self, runner: Any) -> None:
        """At the end of each epoch."""
        # Frozen layers are in evaluation mode: their statistics stay as they are.
        training = [module for module in runner.model.modules() if module.training]
        statistics = [
            getattr(module, name, None)
            for module in training
            for name in ('running_mean', 'running_var')
        ]
        all_reduce_params([each for each in statistics if each is not None], op='mean')

    # Loops that count iterations validate within an epoch.
    before_val_epoch = after_train_epoch
