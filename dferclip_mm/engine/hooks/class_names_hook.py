"""Data and head must mean the same classes by the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper


@HOOKS.register_module()
class ClassNamesHook(Hook):
    """Stops a run at its start when dataset and head name different classes.

    Heads without class names (the host's own) are compared by their number of classes. A head
    with ``classes=None`` (`VideoTextContrastiveHead`) is told those of the dataset. A checkpoint
    whose context vectors belong to other classes is refused.
    """

    # Before StrictCheckpointHook, which could only name two shapes.
    priority = 'HIGHEST'

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Compare the classes that context vectors were trained for with the head's.

        Raises:
            ValueError: when they differ; contexts of one class cannot serve another.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        learner = getattr(getattr(model, 'cls_head', None), 'prompt_learner', None)
        if learner is None or not (learner.class_specific and learner.num_context):
            return
        if not isinstance(checkpoint, Mapping):
            # StrictCheckpointHook says so.
            return
        stored = checkpoint.get('state_dict', checkpoint)
        if not isinstance(stored, Mapping):
            return
        meta = checkpoint.get('meta') or {}
        trained = (meta.get('dataset_meta') or meta).get('classes')
        context = stored.get('cls_head.prompt_learner.context')
        count = len(context) if context is not None and context.ndim == 3 else None
        expected = tuple(model.cls_head.classes)
        if (trained and tuple(trained) != expected) or (count and count != len(expected)):
            found = ', '.join(trained) if trained else f'{count} other classes'
            raise ValueError(
                f'the checkpoint has context vectors for each of {found}, which cannot score '
                f'{", ".join(expected)}: train with class_specific=False, whose one context '
                'serves any classes'
            )

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
        if expected is None and hasattr(head, 'set_vocabulary'):
            head.set_vocabulary(found)
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
