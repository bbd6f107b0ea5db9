"""Votes of annotators and weights of clips as targets of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch


def vote_shares(
    votes: Mapping[str, float], classes: Sequence[str], class_of: Callable[[str], str]
) -> list[float]:
    """The share of each class among the votes for these classes: C numbers with the sum 1.

    Args:
        votes: label -> number.
        classes: C names.
        class_of: the class of a label, where several are merged; votes for another do not count.

    Raises:
        ValueError: when there are no votes for the classes.
    """
    counts = dict.fromkeys(classes, 0.0)
    for label, count in votes.items():
        name = class_of(label)
        if name in counts:
            counts[name] += count
    total = sum(counts.values())
    if not total:
        raise ValueError(f'a vote for one of {", ".join(classes)}')
    return [count / total for count in counts.values()]


def soft_target(item: Mapping[str, Any], num_classes: int) -> torch.Tensor:
    """What a clip is trained on: its votes, or its label as a vector, times its weight: (C,)."""
    if 'votes' in item:
        target = torch.tensor(item['votes'])
    else:
        target = torch.zeros(num_classes)
        target[item['label']] = 1
    return target * item.get('weight', 1.0)
