"""Bootstrap intervals of UAR and WAR."""

from __future__ import annotations

import numpy as np


def bootstrap_interval(
    truth: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of UAR and WAR over clips drawn with replacement.

    Args:
        truth: (N,) labels.
        predicted: (N,) predicted labels.
        num_classes: C.
        resamples: number of draws.
        level: share of the draws inside the interval.
        seed: of the draws.

    Returns:
        ``{'UAR': (low, high), 'WAR': (low, high)}`` in percent.
    """
    rng = np.random.default_rng(seed)
    hit = truth == predicted
    uar, war = np.empty(resamples), np.empty(resamples)
    for draw in range(resamples):
        index = rng.integers(len(truth), size=len(truth))
        support = np.bincount(truth[index], minlength=num_classes)
        hits = np.bincount(truth[index], weights=hit[index], minlength=num_classes)
        present = support > 0
        uar[draw] = (hits[present] / support[present]).mean()
        war[draw] = hits.sum() / len(index)
    return {'UAR': _interval(uar, level), 'WAR': _interval(war, level)}


def _interval(shares: np.ndarray, level: float) -> tuple[float, float]:
    """The central interval of sampled shares, in percent."""
    tail = 50 * (1 - level)
    low, high = 100 * np.percentile(shares, (tail, 100 - tail))
    return float(low), float(high)
