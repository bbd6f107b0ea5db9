"""The confusion matrix of each validation as a picture, for TensorBoard or Weights & Biases."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import master_only
from mmengine.hooks import Hook, LoggerHook

from .pictures import pixels_of
from .plots import confusion_figure
from .recall import RecallMetric


@HOOKS.register_module()
class ConfusionPictureHook(Hook):
    """Gives the confusion matrix of each `RecallMetric` to the run's visualizer.

    With ``visualizer.vis_backends``, it is beside the curves, at the same steps.
    """

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draw the matrix of a validation."""
        logger = next((hook for hook in runner.hooks if isinstance(hook, LoggerHook)), None)
        by_epoch = logger is None or logger.log_metric_by_epoch
        _draw(runner, runner.val_evaluator, 'val', runner.epoch if by_epoch else runner.iter)

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draw the matrix of a test."""
        _draw(runner, runner.test_evaluator, 'test', 0)


@master_only
def _draw(runner: Any, evaluator: Any, split: str, step: int) -> None:
    for metric in evaluator.metrics:
        if isinstance(metric, RecallMetric) and metric.last is not None:
            figure = confusion_figure(*metric.last)
            runner.visualizer.add_image(f'confusion_{split}', pixels_of(figure), step=step)
