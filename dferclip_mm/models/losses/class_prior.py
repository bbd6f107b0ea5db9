"""What follows from the number of training clips of each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def log_prior(counts: Sequence[float]) -> torch.Tensor:
    """The logarithm of each class's share of the training clips: (C,).

    Raises:
        ValueError: if a class has no clips.
    """
    _check(counts)
    shares = torch.tensor(counts, dtype=torch.float32)
    return (shares / shares.sum()).log()


def class_weights(counts: Sequence[float], power: float) -> torch.Tensor:
    """Weights (C,) proportional to ``count ** -power``; their mean over the clips is 1.

    Since they are not divided by their sum in a batch, the mean over the batches of several
    processes is that of one large batch.

    Raises:
        ValueError: if a class has no clips.
    """
    _check(counts)
    clips = torch.tensor(counts, dtype=torch.float32)
    weights = clips**-power
    return weights * clips.sum() / (weights * clips).sum()


def _check(counts: Sequence[float]) -> None:
    if not counts or min(counts) <= 0:
        raise ValueError(
            f'expected training clips of each class, found {list(counts)}: leave out the class, or '
            'give class_counts'
        )
