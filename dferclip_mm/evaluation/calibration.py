"""How well confidence matches accuracy: reliability by bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy of clips in M bins of confidence, from 0 to 1.

    Attributes:
        edges: (M + 1,) of the bins; a bin holds confidences above its lower edge, up to its upper.
        clips: (M,) number of clips in each bin.
        confidence: (M,) mean confidence; NaN in an empty bin.
        accuracy: (M,) share of correct clips; NaN in an empty bin.
    """

    edges: np.ndarray
    clips: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The mean distance of confidence and accuracy over all clips (Guo et al., 2017, eq. 3)."""
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gaps * self.clips).sum() / self.clips.sum())


def reliability(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> Reliability:
    """Compare confidence, the score of the predicted class, with accuracy.

    Args:
        scores: (N, C) probabilities.
        labels: (N,) integers.
        bins: M, of equal width.

    Raises:
        ValueError: when there are no clips, or the scores of a clip are not probabilities.
    """
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    if scores.ndim != 2 or not len(scores) or labels.shape != scores.shape[:1]:
        raise ValueError(
            'calibration needs scores (clips, classes) and as many labels, found '
            f'{scores.shape} and {labels.shape}'
        )
    wrong = np.flatnonzero((scores.min(axis=1) < 0) | (abs(scores.sum(axis=1) - 1) > 0.01))
    if len(wrong):
        raise ValueError(
            'calibration needs probabilities, each at least 0 and together 1, found the scores '
            f"{scores[wrong[0]].tolist()} of clip {wrong[0]}: set the head's average_clips='prob'"
        )
    edges = np.linspace(0, 1, bins + 1)
    confidence, hit = scores.max(axis=1), scores.argmax(axis=1) == labels
    # Of the inner edges alone: a probability of float32 may exceed 1 a little.
    place = np.digitize(confidence, edges[1:-1], right=True)
    clips = np.bincount(place, minlength=bins)
    means = (
        np.divide(
            np.bincount(place, weights=values, minlength=bins),
            clips,
            out=np.full(bins, np.nan),
            where=clips > 0,
        )
        for values in (confidence, hit)
    )
    return Reliability(edges, clips, *means)


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """The expected calibration error, from 0 to 1, of (N, C) probabilities and (N,) labels.

    Raises:
        ValueError: as `reliability`.
    """
    return reliability(scores, labels, bins).error
