"""What follows from the number of training clips of each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def log_prior(counts: Sequence[float] | None) -> torch.Tensor:
    """The logarithm of each class's share of the training clips: (C,).

    Raises:
        ValueError: if the numbers are unknown, or a class has no clips.
    """
    clips = _checked(counts)
    return (clips / clips.sum()).log()


def class_weights(counts: Sequence[float] | None, power: float) -> torch.Tensor:
    """Weights (C,) proportional to ``count ** -power``; their mean over the clips is 1.

    Since they are not divided by their sum in a batch, the mean over the batches of several
    processes is that of one large batch.

    Raises:
        ValueError: if the numbers are unknown, or a class has no clips.
    """
    clips = _checked(counts)
    weights = clips**-power
    return weights * clips.sum() / (weights * clips).sum()


def _checked(counts: Sequence[float] | None) -> torch.Tensor:
    if not counts or min(counts) <= 0:
        raise ValueError(
            f'expected training clips of each class, found {counts and list(counts)}: leave out '
            'the class, keep StartupCheckHook in default_hooks, which counts them, or set '
            'model.cls_head.class_counts (class_counts of a loss)'
        )
    return torch.tensor(counts, dtype=torch.float32)
