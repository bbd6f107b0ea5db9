"""Which clips to look at: the most confident mistakes, the closest calls, the points of a map."""

from __future__ import annotations

from typing import Any

import numpy as np

from .results import Results

# t-SNE of more clips takes minutes, and their thumbnails megabytes.
MOST_POINTS = 1000


def confused_pairs(results: Results, pairs: int = 12, shown: int = 3) -> list[dict[str, Any]]:
    """The pairs of classes with the most mistakes, at most `pairs`.

    Each has the numbers of both classes, ``truth`` and ``answer``, how many ``clips`` are confused,
    and their ``share`` of the true class in percent; ``shown`` are the places of the most confident
    ones in the results.
    """
    counts, support = results.confusion, results.counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    found = []
    for flat in np.argsort(-counts, axis=None, kind='stable')[:pairs].tolist():
        truth, answer = divmod(flat, len(results.classes))
        (mistakes,) = np.nonzero((results.truth == truth) & (results.predicted == answer))
        if counts[truth, answer]:
            order = np.argsort(-results.class_scores[mistakes, answer], kind='stable')
            pair = dict(truth=truth, answer=answer, clips=len(mistakes))
            pair['share'] = 100 * len(mistakes) / support[truth]
            found.append({**pair, 'shown': mistakes[order[:shown]].tolist()})
    return found


def closest_calls(results: Results, shown: int = 12) -> list[int]:
    """Positions of the clips whose two highest scores differ least, the closest first."""
    (answered,) = np.nonzero(results.answered)
    scores = np.sort(results.class_scores[answered], axis=1)
    order = np.argsort(scores[:, -1] - scores[:, -2], kind='stable')
    return answered[order[:shown]].tolist()


def choose_clips(results: Results) -> np.ndarray:
    """Positions of at most `MOST_POINTS` answered clips, in order: all of them, or a fixed draw."""
    (answered,) = np.nonzero(results.answered)
    most = min(MOST_POINTS, len(answered))
    return np.sort(np.random.default_rng(0).choice(answered, most, replace=False))
