"""A checkpoint must be for the classes that the head scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find_trained_classes(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes that MMEngine has stored in a checkpoint; empty where it has not."""
    meta = checkpoint.get('meta') or {}
    return tuple((meta.get('dataset_meta') or meta).get('classes') or ())


def check_context_classes(head: Any, checkpoint: Mapping[str, Any]) -> None:
    """Compare a head's classes with those that the context vectors of a checkpoint belong to.

    Raises:
        ValueError: when they differ: the context vectors of one class cannot serve another.
    """
    learner = getattr(head, 'prompt_learner', None)
    weights = checkpoint.get('state_dict', checkpoint)
    if learner is None or not (learner.class_specific and learner.num_context):
        return
    if not isinstance(weights, Mapping):
        return
    trained, expected = find_trained_classes(checkpoint), tuple(head.classes)
    context = weights.get('cls_head.prompt_learner.context')
    count = len(context) if context is not None and context.ndim == 3 else None
    if (trained and trained != expected) or (count and count != len(expected)):
        found = ', '.join(trained) if trained else f'{count} other classes'
        raise ValueError(
            f'the checkpoint has context vectors for each of {found}, which cannot score '
            f'{", ".join(expected)}: train with class_specific=False, whose one context '
            'serves any classes'
        )
