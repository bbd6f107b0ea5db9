"""A validation part that is held out of the training clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified_holdout(labels: Sequence[int], share: float, seed: int) -> np.ndarray:
    """Choose clips for validation, the same share of every class, by a seed.

    The choice depends on the labels and their order alone, so that training and validation data
    agree on it without speaking to each other.

    Args:
        labels: N labels in the order of the list.
        share: of each class, rounded, at least one clip of a class that has two.
        seed: of the choice.

    Returns:
        Boolean (N,): True where a clip is held out.

    Raises:
        ValueError: when the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f'val_fraction={share!r}: expected a share between 0 and 1, such as 0.1')
    rng = np.random.default_rng(seed)
    numbers = np.asarray(labels)
    chosen = np.zeros(len(numbers), dtype=bool)
    for label in np.unique(numbers):
        (places,) = np.nonzero(numbers == label)
        count = min(max(round(share * len(places)), 1), len(places) - 1)
        chosen[rng.permutation(places)[:count]] = True
    return chosen
