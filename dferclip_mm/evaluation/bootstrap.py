"""Bootstrap intervals of UAR and WAR."""

from __future__ import annotations

import numpy as np


def bootstrap_interval(
    truth: np.ndarray, predicted: np.ndarray, num_classes: int, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of UAR and WAR over resampled clips (Efron, 1979).

    Args:
        truth: (N,) labels.
        predicted: (N,) predicted labels.
        num_classes: C.
        resamples: number of samples of N clips, drawn with replacement.

    Returns:
        ``{'UAR': (low, high), 'WAR': (low, high)}`` in percent.
    """
    rng = np.random.default_rng(0)
    hit = truth == predicted
    shares = np.empty((2, resamples))
    for number in range(resamples):
        index = rng.integers(len(truth), size=len(truth))
        support = np.bincount(truth[index], minlength=num_classes)
        hits = np.bincount(truth[index], weights=hit[index], minlength=num_classes)
        present = support > 0
        shares[:, number] = (hits[present] / support[present]).mean(), hits.sum() / len(index)
    low, high = 100 * np.percentile(shares, (2.5, 97.5), axis=1)
    return {'UAR': (float(low[0]), float(high[0])), 'WAR': (float(low[1]), float(high[1]))}
