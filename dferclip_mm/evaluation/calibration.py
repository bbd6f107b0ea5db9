"""How sure an answer is: calibration, a temperature for the scores, and answers held back.

Scores are (N, C) probabilities, labels (N,) integers; confidence is the score of the answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import bootstrap

Measure = Callable[[np.ndarray, np.ndarray], float]


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
    # Of the inner edges alone: a probability of float32 may exceed 1 a little.
    place = np.digitize(scores.max(axis=1), np.linspace(0, 1, bins + 1)[1:-1], right=True)
    clips = np.bincount(place, minlength=bins)
    values = dict(confidence=scores.max(axis=1), accuracy=scores.argmax(axis=1) == labels)
    with np.errstate(invalid='ignore'):
        means = {name: np.bincount(place, each, bins) / clips for name, each in values.items()}
    return pd.DataFrame(dict(clips=clips, **means))


def calibration_error(found: pd.DataFrame) -> float:
    """The mean distance of confidence and accuracy over all clips of a table of `reliability`."""
    gaps = (found.confidence - found.accuracy).abs() * found.clips
    return float(gaps.sum() / found.clips.sum())


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """ECE: the `calibration_error` of scores and labels (Guo et al., 2017, eq. 3)."""
    return calibration_error(reliability(scores, labels, bins))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T for which softmax(logits / T) is likeliest (Guo et al., 2017, section 4.2).

    Raises ValueError when none is the best: the clips have one class, all answers are right, or
    the logits say nothing about the labels.
    """

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scores[np.arange(len(labels)), labels].mean())

    bound = np.log(100)
    found = float(minimize_scalar(loss, bounds=(-bound, bound), method='bounded').x)
    right, classes = (logits.argmax(axis=1) == labels).mean(), len(np.unique(labels))
    if classes < 2 or right == 1 or found > 0.99 * bound:
        raise ValueError(
            f'no temperature fits {len(labels)} clips of {classes} classes, of which {right:.0%} '
            'are right: calibrate on clips of all classes, among them right and wrong answers'
        )
    return float(np.exp(found))


def risk_coverage(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error among the surest 1, 2, … N clips: coverage (N,) and risk (N,), from 0 to 1."""
    order = np.argsort(-scores.max(axis=1), kind='stable')
    wrong = (scores.argmax(axis=1) != labels)[order]
    count = np.arange(1, len(labels) + 1)
    return count / len(labels), wrong.cumsum() / count


def area_under_risk_coverage(scores: np.ndarray, labels: np.ndarray) -> float:
    """AURC: the mean risk over all coverages (Geifman et al., 2019)."""
    return float(risk_coverage(scores, labels)[1].mean())


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


def interval(measure: Measure, scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a measure over 1000 resamples of the clips."""
    found = bootstrap(
        (np.arange(len(labels)),),
        lambda drawn: measure(scores[drawn], labels[drawn]),
        n_resamples=1000,
        vectorized=False,
        method='percentile',
        random_state=0,
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
