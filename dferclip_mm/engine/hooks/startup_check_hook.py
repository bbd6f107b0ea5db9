"""Data, head and checkpoint must mean the same classes by the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook

from ...checkpoints.unwrap import unwrap_model


@HOOKS.register_module()
class ClassNamesHook(Hook):
    """Stops a run at its start when dataset and head name different classes.

    Heads without class names (the host's own) are compared by their number of classes, and for
    them the training data with the validation data, and the checkpoint with the test data. Scores
    of a regression (``targets``) are compared like classes. A head
    with ``classes=None`` (`VideoTextContrastiveHead`) is told those of the dataset. A checkpoint
    whose context vectors belong to other classes is refused.
    """

    # Before StrictLoadHook, which could only name two shapes.
    priority = 'HIGHEST'

    def __init__(self) -> None:
        self._trained: tuple[str, ...] = ()

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Compare the classes that context vectors were trained for with the head's.

        Raises:
            ValueError: when they differ; contexts of one class cannot serve another.
        """
        head = _head(runner)
        if not isinstance(checkpoint, Mapping):
            # StrictLoadHook says so.
            return
        meta = checkpoint.get('meta') or {}
        trained = tuple((meta.get('dataset_meta') or meta).get('classes') or ())
        if _knows_numbers_alone(head):
            # Training may go on to other classes: compared before testing.
            self._trained = trained
        learner = getattr(head, 'prompt_learner', None)
        if learner is None or not (learner.class_specific and learner.num_context):
            return
        stored = checkpoint.get('state_dict', checkpoint)
        if not isinstance(stored, Mapping):
            return
        context = stored.get('cls_head.prompt_learner.context')
        count = len(context) if context is not None and context.ndim == 3 else None
        expected = tuple(head.classes)
        if (trained and trained != expected) or (count and count != len(expected)):
            found = ', '.join(trained) if trained else f'{count} other classes'
            raise ValueError(
                f'the checkpoint has context vectors for each of {found}, which cannot score '
                f'{", ".join(expected)}: train with class_specific=False, whose one context '
                'serves any classes'
            )

    def before_train(self, runner: Any) -> None:
        """Compare the head with the training data, and with the validation data.

        Raises:
            ValueError: when they differ; it names both sides.
        """
        self._compare(runner, runner.train_dataloader, 'train_dataloader')
        if runner.val_loop is None:
            return
        self._compare(runner, runner.val_dataloader, 'val_dataloader')
        train, val = (
            _names(loader, 'classes') for loader in (runner.train_dataloader, runner.val_dataloader)
        )
        if _knows_numbers_alone(_head(runner)) and train and val and train != val:
            raise ValueError(
                f'train_dataloader has the classes {", ".join(train)}, but val_dataloader has '
                f'{", ".join(val)}: give both the same classes in the same order'
            )

    def before_test(self, runner: Any) -> None:
        """Compare the head with the test data, and the classes that it was trained for.

        Raises:
            ValueError: when they differ; it names both sides.
        """
        self._compare(runner, runner.test_dataloader, 'test_dataloader')
        found = _names(runner.test_dataloader, 'classes')
        if self._trained and found and self._trained != found:
            raise ValueError(
                f'the checkpoint was trained for {", ".join(self._trained)}, but test_dataloader '
                f'has {", ".join(found)}: give the test data the classes of the training'
            )

    def _compare(self, runner: Any, dataloader: Any, key: str) -> None:
        head = _head(runner)
        for what in ('classes', 'targets'):
            found, expected = _names(dataloader, what), getattr(head, what, None)
            if found and expected is not None and found != tuple(expected):
                raise ValueError(
                    f'model.cls_head.{what} is {", ".join(expected)}, but {key} has '
                    f'{", ".join(found)}: give both the same {what} in the same order'
                )
        found = _names(dataloader, 'classes')
        if not found or head is None or getattr(head, 'classes', None) is not None:
            return
        if hasattr(head, 'set_vocabulary'):
            head.set_vocabulary(found)
        elif len(found) != getattr(head, 'num_classes', len(found)):
            raise ValueError(
                f'model.cls_head has {head.num_classes} classes, {key} has {len(found)} '
                f'({", ".join(found)}): set cls_head.num_classes={len(found)}'
            )


def _head(runner: Any) -> Any:
    return getattr(unwrap_model(runner.model), 'cls_head', None)


def _names(dataloader: Any, what: str) -> tuple[str, ...]:
    """The names of classes or targets that a data set gives; none where it does not say."""
    return tuple(getattr(dataloader.dataset, 'metainfo', {}).get(what) or ())


def _knows_numbers_alone(head: Any) -> bool:
    """Whether a head has an output for each class and no names: the host's own."""
    nameless = getattr(head, 'classes', None) is None and getattr(head, 'targets', None) is None
    return hasattr(head, 'num_classes') and nameless and not hasattr(head, 'set_vocabulary')
