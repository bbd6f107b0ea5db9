"""Dataset, head and checkpoint must number the same classes in the same order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Names = tuple[str, ...]


def names_of(dataset: Any, what: str = 'classes') -> Names:
    """The ``classes`` or ``targets`` in a dataset's ``metainfo``; empty where it has none."""
    return tuple(getattr(dataset, 'metainfo', {}).get(what) or ())


def trained_classes(checkpoint: Mapping[str, Any]) -> Names:
    """The classes that MMEngine has stored in a checkpoint; empty where it has not."""
    meta = checkpoint.get('meta') or {}
    return tuple((meta.get('dataset_meta') or meta).get('classes') or ())


def is_bound_to_classes(head: Any) -> bool:
    """Whether a head can only score the classes of its training, in their order.

    It has outputs without names, as MMAction2's heads, or context vectors for each class.
    """
    learner = getattr(head, 'prompt_learner', None)
    if learner is not None:
        return bool(learner.class_specific and learner.num_context)
    unnamed = getattr(head, 'classes', None) is None and getattr(head, 'targets', None) is None
    return hasattr(head, 'num_classes') and unnamed and not hasattr(head, 'set_vocabulary')


def check_equal(what: str, expected: tuple[str, Names], found: tuple[str, Names]) -> None:
    """Compare the `what` (classes, targets) of two owners: (its name, its names or none)."""
    if expected[1] and found[1] and expected[1] != found[1]:
        raise ValueError(
            f'{expected[0]} has the {what} {", ".join(expected[1])}, but {found[0]} has '
            f'{", ".join(found[1])}: give both the same {what} in the same order'
        )


def check_head(head: Any, dataset: Any, key: str) -> None:
    """Compare a head, or None, with a dataset.

    Heads without names are compared by number. A zero-shot head with ``classes=None`` takes the
    classes of the dataset.
    """
    for what in ('classes', 'targets'):
        expected = tuple(getattr(head, what, None) or ())
        check_equal(what, ('model.cls_head', expected), (key, names_of(dataset, what)))
    found = names_of(dataset)
    if not found or getattr(head, 'classes', None) is not None:
        return
    if hasattr(head, 'set_vocabulary'):
        head.set_vocabulary(found)
    elif len(found) != getattr(head, 'num_classes', len(found)):
        raise ValueError(
            f'model.cls_head has {head.num_classes} classes, {key} has {len(found)} '
            f'({", ".join(found)}): set cls_head.num_classes={len(found)}'
        )
