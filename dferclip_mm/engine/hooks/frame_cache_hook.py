"""Features from a cache must be those that the run's model would compute."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ...precompute.encode_frames import identity_of
from ..lookup import leaves


@HOOKS.register_module()
class FrameCacheHook(Hook):
    """Stops a run at its start when its cached frame features are stale.

    They must be of the model's image encoder with its present weights, normalised as the model
    does it, and there for all clips; `OpenFrameFeatures` gives out none before.
    """

    def before_train(self, runner: Any) -> None:
        """Compare the caches of the training and the validation data."""
        self._compare(runner, runner.train_dataloader)
        if runner.val_loop is not None:
            self._compare(runner, runner.val_dataloader)

    def before_val(self, runner: Any) -> None:
        """Compare the cache of the validation data, where nothing is trained."""
        self._compare(runner, runner.val_dataloader)

    def before_test(self, runner: Any) -> None:
        """Compare the cache of the test data."""
        self._compare(runner, runner.test_dataloader)

    def _compare(self, runner: Any, dataloader: Any) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for dataset in leaves(dataloader.dataset):
            steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
            caches = [step for step in steps if hasattr(step, 'confirm')]
            if not caches:
                continue
            clips = [dataset.get_data_info(index)['filename'] for index in range(len(dataset))]
            for step in caches:
                step.confirm(identity_of(model), clips)
