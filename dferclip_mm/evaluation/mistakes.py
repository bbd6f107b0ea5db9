"""Which clips to look at: the most confident mistakes, the closest calls, the points of a map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .results import Results

# t-SNE of more clips takes minutes, and their thumbnails megabytes.
MOST_POINTS = 1000


class ConfusedPair(NamedTuple):
    """Clips of class `truth` that were answered with `answer`.

    `share` is that of the true class, in percent; `shown` are the places of the most confident
    ones in the results.
    """

    truth: int
    answer: int
    clips: int
    share: float
    shown: tuple[int, ...]


def confused_pairs(results: Results, pairs: int = 12, shown: int = 3) -> list[ConfusedPair]:
    """The pairs of classes with the most mistakes, at most `pairs`, each with `shown` clips."""
    counts = results.scores.confusion.astype(float)
    np.fill_diagonal(counts, 0)
    support = np.bincount(results.truth, minlength=len(results.classes))
    found = []
    for flat in np.argsort(-counts, axis=None, kind='stable')[:pairs].tolist():
        truth, answer = divmod(flat, len(results.classes))
        if not counts[truth, answer]:
            break
        mistakes = np.flatnonzero((results.truth == truth) & (results.predicted == answer))
        order = np.argsort(-results.class_scores[mistakes, answer], kind='stable')
        share = 100 * len(mistakes) / support[truth]
        chosen = tuple(mistakes[order[:shown]].tolist())
        found.append(ConfusedPair(truth, answer, len(mistakes), float(share), chosen))
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
    if len(answered) <= MOST_POINTS:
        return answered
    return np.sort(np.random.default_rng(0).choice(answered, MOST_POINTS, replace=False))
