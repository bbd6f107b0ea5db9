"""Votes of annotators and weights of clips as targets of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch


def vote_shares(
    votes: Mapping[str, float], classes: Sequence[str], class_of: Callable[[str], str]
) -> list[float]:
    """The share of each class among the votes: C numbers with the sum 1.

    Args:
        votes: label -> number, their sum above 0.
        classes: C names.
        class_of: the class of a label, where several are merged.
    """
    total = sum(votes.values())
    shares = dict.fromkeys(classes, 0.0)
    for label, count in votes.items():
        shares[class_of(label)] += count / total
    return list(shares.values())


def soft_target(item: Mapping[str, Any], num_classes: int) -> torch.Tensor:
    """What a clip is trained on: its votes, or its label as a vector, times its weight: (C,)."""
    if 'votes' in item:
        target = torch.tensor(item['votes'])
    else:
        target = torch.zeros(num_classes)
        target[item['label']] = 1
    return target * item.get('weight', 1.0)
