"""How sure an answer is: a temperature for the scores, and answers that are held back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from .bootstrap import percentile_interval, resample_counts


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T for which softmax(logits / T) is likeliest (Guo et al., 2017, section 4.2).

    Args:
        logits: (N, C).
        labels: (N,) integers.

    Raises:
        ValueError: when the clips have fewer than two classes, or no temperature is the best one:
            all answers are right, or the logits say nothing about the labels.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f'a temperature needs clips of two or more classes, found {len(labels)} clips of '
            f'{len(np.unique(labels))}: calibrate on clips of all classes'
        )

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scores[np.arange(len(labels)), labels].mean())

    bound = np.log(100)
    found = float(minimize_scalar(loss, bounds=(-bound, bound), method='bounded').x)
    right = float((logits.argmax(axis=1) == labels).mean())
    if right == 1 or found > 0.99 * bound:
        raise ValueError(
            f'no temperature fits these {len(labels)} clips, of which {right:.0%} are right: '
            'calibrate on more clips, among them right and wrong answers'
        )
    return float(np.exp(found))


def risk_coverage(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error among the surest 1, 2, … N clips: coverage (N,) and risk (N,), from 0 to 1.

    Args:
        scores: (N, C) probabilities.
        labels: (N,) integers.
    """
    order = np.argsort(-scores.max(axis=1), kind='stable')
    wrong = (scores.argmax(axis=1) != labels)[order]
    count = np.arange(1, len(labels) + 1)
    return count / len(labels), wrong.cumsum() / count


def area_under_risk_coverage(scores: np.ndarray, labels: np.ndarray) -> float:
    """AURC: the mean risk over all coverages (Geifman et al., 2019)."""
    return float(risk_coverage(scores, labels)[1].mean())


def find_threshold(scores: np.ndarray, labels: np.ndarray, error_rate: float) -> float:
    """The lowest confidence from which on at most a share of the answers is wrong; 0 for all.

    Raises:
        ValueError: when even the surest clips are wrong more often.
    """
    risk = risk_coverage(scores, labels)[1]
    confidence = -np.sort(-scores.max(axis=1))
    # A threshold takes all clips of equal confidence.
    last_of_equals = np.append(confidence[1:] < confidence[:-1], True)
    (kept,) = np.nonzero((risk <= error_rate) & last_of_equals)
    if not len(kept):
        raise ValueError(
            f'no threshold gives an error rate of {error_rate:g}: the surest '
            f'{1 + int(last_of_equals.argmax())} of {len(labels)} clips are wrong at '
            f'{risk[last_of_equals][0]:.0%}'
        )
    return 0.0 if kept[-1] == len(labels) - 1 else float(confidence[kept[-1]])


def interval(
    measure: Callable[[np.ndarray, np.ndarray], float], scores: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """The 95 % percentile interval of a measure over 1000 resamples of the clips."""
    clips = np.arange(len(labels))
    counts = resample_counts(clips, clips, (len(clips),)).astype(int)
    values = [measure(scores[drawn], labels[drawn]) for drawn in (clips.repeat(n) for n in counts)]
    return percentile_interval(np.array(values))
