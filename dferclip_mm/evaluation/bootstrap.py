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
    """Percentile intervals of UAR and WAR over resampled clips (Efron, 1979).

    Args:
        truth: (N,) labels.
        predicted: (N,) predicted labels.
        num_classes: C.
        resamples: number of samples of N clips, drawn with replacement.
        level: confidence level.
        seed: of the random generator.

    Returns:
        ``{'UAR': (low, high), 'WAR': (low, high)}`` in percent.
    """
    rng = np.random.default_rng(seed)
    hit = truth == predicted
    uar, war = np.empty(resamples), np.empty(resamples)
    for number in range(resamples):
        index = rng.integers(len(truth), size=len(truth))
        support = np.bincount(truth[index], minlength=num_classes)
        hits = np.bincount(truth[index], weights=hit[index], minlength=num_classes)
        present = support > 0
        uar[number] = (hits[present] / support[present]).mean()
        war[number] = hits.sum() / len(index)
    return {'UAR': _interval(uar, level), 'WAR': _interval(war, level)}


def _interval(shares: np.ndarray, level: float) -> tuple[float, float]:
    """The central interval of resampled shares (0 to 1), in percent."""
    tail = 50 * (1 - level)
    low, high = 100 * np.percentile(shares, (tail, 100 - tail))
    return float(low), float(high)
