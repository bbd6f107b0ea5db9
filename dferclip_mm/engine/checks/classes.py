"""Dataset, head and checkpoint must number the same classes in the same order."""

from __future__ import annotations

from typing import Any

Names = tuple[str, ...]


def names_of(dataset: Any, what: str = 'classes') -> Names:
    """The ``classes`` or ``targets`` in a dataset's ``metainfo``; empty where it has none."""
    return tuple(getattr(dataset, 'metainfo', {}).get(what) or ())


def has_only_numbers(head: Any) -> bool:
    """Whether a head has outputs without names, as MMAction2's heads do."""
    unnamed = getattr(head, 'classes', None) is None and getattr(head, 'targets', None) is None
    return hasattr(head, 'num_classes') and unnamed and not hasattr(head, 'set_vocabulary')


def check_dataset_classes(head: Any, dataset: Any, key: str) -> None:
    """Compare a head's classes, or a regression's targets, with those of a dataset.

    Heads without names are compared by number. A zero-shot head with ``classes=None`` takes the
    classes of the dataset.

    Args:
        head: the model's ``cls_head``.
        dataset: built.
        key: the config's name for its loader, for the message.

    Raises:
        ValueError: when they differ; it names both sides.
    """
    for what in ('classes', 'targets'):
        found, expected = names_of(dataset, what), getattr(head, what, None)
        if found and expected is not None and found != tuple(expected):
            raise ValueError(
                f'model.cls_head.{what} is {", ".join(expected)}, but {key} has '
                f'{", ".join(found)}: give both the same {what} in the same order'
            )
    found = names_of(dataset)
    if not found or head is None or getattr(head, 'classes', None) is not None:
        return
    if hasattr(head, 'set_vocabulary'):
        head.set_vocabulary(found)
    elif len(found) != getattr(head, 'num_classes', len(found)):
        raise ValueError(
            f'model.cls_head has {head.num_classes} classes, {key} has {len(found)} '
            f'({", ".join(found)}): set cls_head.num_classes={len(found)}'
        )


def check_validation_classes(head: Any, train: Any, val: Any) -> None:
    """Compare the datasets of training and validation where the head has no names.

    Raises:
        ValueError: when their classes differ.
    """
    trained, validated = names_of(train), names_of(val)
    if has_only_numbers(head) and trained and validated and trained != validated:
        raise ValueError(
            f'train_dataloader has the classes {", ".join(trained)}, but val_dataloader has '
            f'{", ".join(validated)}: give both the same classes in the same order'
        )


def check_test_classes(trained: Names, dataset: Any) -> None:
    """Compare the test data with the classes that the checkpoint of a nameless head was for.

    Raises:
        ValueError: when they differ.
    """
    found = names_of(dataset)
    if trained and found and trained != found:
        raise ValueError(
            f'the checkpoint was trained for {", ".join(trained)}, but test_dataloader '
            f'has {", ".join(found)}: give the test data the classes of the training'
        )
