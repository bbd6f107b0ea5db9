"""Data and head must mean the same classes by the same numbers."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper


@HOOKS.register_module()
class ClassNamesHook(Hook):
    """Stops a run at its start when dataset and head name different classes.

    Heads without class names (the host's own) are compared by their number of classes.
    """

    def before_train(self, runner: Any) -> None:
        """Compare the head with the training data, and with the validation data."""
        self._compare(runner, runner.train_dataloader, 'train_dataloader')
        if runner.val_loop is not None:
            self._compare(runner, runner.val_dataloader, 'val_dataloader')

    def before_test(self, runner: Any) -> None:
        """Compare the head with the test data."""
        self._compare(runner, runner.test_dataloader, 'test_dataloader')

    def _compare(self, runner: Any, dataloader: Any, key: str) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        head = getattr(model, 'cls_head', None)
        found = tuple(getattr(dataloader.dataset, 'metainfo', {}).get('classes', ()))
        expected = getattr(head, 'classes', None)
        if not found or head is None:
            return
        if expected is None and len(found) != getattr(head, 'num_classes', len(found)):
            raise ValueError(
                f'model.cls_head has {head.num_classes} classes, {key} has {len(found)} '
                f'({", ".join(found)}): set cls_head.num_classes={len(found)}'
            )
        if expected is not None and found != tuple(expected):
            raise ValueError(
                f'model.cls_head.classes is {", ".join(expected)}, but {key} has '
                f'{", ".join(found)}: give both the same classes in the same order'
            )
