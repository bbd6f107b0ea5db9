"""Features from a cache must be those that the run's model would compute."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ...precompute import check_frame_features
from ..lookup import leaves


@HOOKS.register_module()
class FrameCacheHook(Hook):
    """Stops a run at its start when its cached frame features are stale."""

    def before_train(self, runner: Any) -> None:
        """Check the features of the training and the validation clips."""
        self._check(runner, runner.train_dataloader)
        if runner.val_loop is not None:
            self._check(runner, runner.val_dataloader)

    def before_val(self, runner: Any) -> None:
        """Check the features of the validation clips, where nothing is trained."""
        self._check(runner, runner.val_dataloader)

    def before_test(self, runner: Any) -> None:
        """Check the features of the test clips."""
        self._check(runner, runner.test_dataloader)

    def _check(self, runner: Any, dataloader: Any) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for dataset in leaves(dataloader.dataset):
            check_frame_features(dataset, model)
