"""How sure an answer is: a temperature for the scores, and answers that are held back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from .bootstrap import draw_units, percentile_interval


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T for which softmax(logits / T) is likeliest (Guo et al., 2017, section 4.2).

    Args:
        logits: (N, C).
        labels: (N,) integers.

    Raises:
        ValueError: when no temperature is the best one: the clips have one class, all answers are
            right, or the logits say nothing about the labels.
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
    confidence, wrong = scores.max(axis=1), scores.argmax(axis=1) != labels
    for threshold in (0.0, *np.unique(confidence)):
        error = wrong[confidence >= threshold].mean()
        if error <= error_rate:
            return float(threshold)
    raise ValueError(
        f'no threshold gives an error rate of {error_rate:g}: {error:.0%} of the surest answers '
        'are wrong'
    )


def interval(
    measure: Callable[[np.ndarray, np.ndarray], float], scores: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """The 95 % percentile interval of a measure over 1000 resamples of the clips."""
    clips = np.arange(len(labels))
    values = [
        measure(scores[drawn], labels[drawn]) for drawn in map(clips.repeat, draw_units(clips))
    ]
    return percentile_interval(np.array(values))
