"""How sure an answer is: calibration, a temperature for the scores, and answers held back.

Scores are (N, C) probabilities, labels (N,) integers; confidence is the score of the answer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def reliability(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Compare confidence with accuracy in M equal bins of confidence, from 0 to 1.

    A row for each bin, which holds its upper edge: ``clips``, and their mean ``confidence`` and
    ``accuracy``, NaN in an empty one. Raises ValueError without clips or probabilities.
    """
    if not len(scores):
        raise ValueError('calibration needs clips, found none')
    wrong = np.flatnonzero((scores.min(axis=1) < 0) | (abs(scores.sum(axis=1) - 1) > 0.01))
    if len(wrong):
        raise ValueError(
            'calibration needs probabilities, each at least 0 and together 1, found the scores '
            f"{scores[wrong[0]].tolist()} of clip {wrong[0]}: set the head's average_clips='prob'"
        )
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    # Of the inner edges alone: a probability of float32 may exceed 1 a little.
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    means = pd.DataFrame(dict(confidence=confidence, accuracy=right)).groupby(place).mean()
    return means.reindex(range(bins)).assign(clips=np.bincount(place, minlength=bins))


def calibration_error(found: pd.DataFrame) -> float:
    """ECE: the mean distance of confidence and accuracy over all clips (Guo et al., 2017, eq. 3).

    `found` is a table of `reliability`.
    """
    gaps = (found.confidence - found.accuracy).abs() * found.clips
    return float(gaps.sum() / found.clips.sum())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T for which softmax(logits / T) is likeliest (Guo et al., 2017, section 4.2).

    Raises ValueError when none is the best: the clips have one class, all answers are right, or
    the logits say nothing about the labels.
    """

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scores[np.arange(len(labels)), labels].sum())

    bound = np.log(100)
    found = float(minimize_scalar(loss, bounds=(-bound, bound), method='bounded').x)
    right, classes = (logits.argmax(axis=1) == labels).sum(), len(np.unique(labels))
    if classes < 2 or right == len(labels) or found > 0.99 * bound:
        raise ValueError(
            f'no temperature fits {len(labels)} clips of {classes} classes, of which {right} are '
            'answered right: calibrate on clips of all classes, among them right and wrong answers'
        )
    return float(np.exp(found))


def risk_coverage(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error among the surest 1, 2, … N clips: coverage (N,) and risk (N,), from 0 to 1.

    The mean risk is AURC, the area under the curve (Geifman et al., 2019).
    """
    order = np.argsort(-scores.max(axis=1), kind='stable')
    wrong = (scores.argmax(axis=1) != labels)[order]
    count = np.arange(1, len(labels) + 1)
    return count / len(labels), wrong.cumsum() / count


def find_threshold(scores: np.ndarray, labels: np.ndarray, error_rate: float) -> float:
    """The lowest confidence from which on at most a share of the answers is wrong; 0 for all.

    Raises ValueError when even the surest answers are wrong more often.
    """
    for threshold in (0.0, *np.unique(scores.max(axis=1))):
        _, error = select_answers(scores, labels, threshold)
        if error <= error_rate:
            return float(threshold)
    raise ValueError(
        f'no threshold gives an error rate of {error_rate:g}: {error:.0%} of the surest answers '
        'are wrong'
    )


def select_answers(scores: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[float, float]:
    """Coverage, the share of clips with at least this confidence, and the error among these.

    Clips without an answer have scores of ``-inf``; the error of no clips is NaN.
    """
    answered = scores.max(axis=1) >= threshold
    wrong = scores.argmax(axis=1) != labels
    return float(answered.mean()), float(wrong[answered].mean()) if answered.any() else np.nan
