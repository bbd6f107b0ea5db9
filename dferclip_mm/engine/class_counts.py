"""Heads and losses that must know how many training clips each class has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config


def tell_class_counts(
    head: Any, find_dataset: Callable[[], Any], *, training: bool = False
) -> None:
    """Count the training clips of each class where the head needs them; in training, its loss too.

    Each process counts all clips, with those that a wrapper repeats.

    Raises:
        ValueError: when the training clips have no labels, or `find_dataset` finds none.
    """
    parts = [head, getattr(head, 'loss_cls', None)] if training else [head]
    asking: list[Any] = [each for each in parts if getattr(each, 'needs_class_counts', False)]
    if not asking:
        return
    dataset = find_dataset()
    counts = Counter(dataset.get_data_info(index).get('label') for index in range(len(dataset)))
    if None in counts:
        raise ValueError(
            f'{type(asking[0]).__name__} needs the training clips of each class, and '
            f'{counts[None]} have no label: set its class_counts'
        )
    for each in asking:
        each.class_counts = [counts[label] for label in range(head.num_classes)]


def build_train_dataset(cfg: Config) -> Any:
    """The training dataset of a config, for `tell_class_counts` where nothing is trained.

    Raises:
        ValueError: when it has none, or the clips are not on this machine.
    """
    reason = 'the config has no train_dataloader'
    if cfg.get('train_dataloader') is not None:
        try:
            return DATASETS.build(cfg.train_dataloader.dataset)
        except FileNotFoundError as error:
            reason = str(error)
    raise ValueError(
        'prior_adjustment needs the training clips of each class: set model.cls_head.class_counts '
        f'to their numbers, since {reason}'
    )
