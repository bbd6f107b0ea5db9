"""What is computed from answers: functions of counts first, and of class scores.

Counts are (..., C, C + 1): rows the truth, columns the answer, the last one for no answer. Any
leading axes are resamples, folds or seeds. All are in percent, but kappa.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .calibration import expected_calibration_error, select_answers


def count_answers(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (C, C + 1) of (N,) labels and answers; -1 is no answer."""
    cells = answer_cells(truth, predicted, num_classes)
    shape = num_classes, num_classes + 1
    return np.bincount(cells, minlength=num_classes * (num_classes + 1)).reshape(shape)


def answer_cells(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """The place (N,) of each clip in the flattened counts.

    Raises:
        ValueError: when a label lies outside ``0 … C - 1``, or an answer outside ``-1 … C - 1``.
    """
    for values, name, lowest in ((truth, 'label', 0), (predicted, 'prediction', -1)):
        outside = values[(values < lowest) | (values >= num_classes)]
        if outside.size:
            raise ValueError(
                f'{name} {int(outside[0])} lies outside the {num_classes} classes '
                f'0 … {num_classes - 1}'
            )
    return truth * (num_classes + 1) + np.where(predicted < 0, num_classes, predicted)


def recall(counts: np.ndarray) -> np.ndarray:
    """Recall of each class (..., C); NaN for a class without clips."""
    return 100 * _ratio(_hits(counts), counts.sum(axis=-1), np.nan)


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean over the classes that have clips."""
    return mean_of_known(recall(counts))


def war(counts: np.ndarray) -> np.ndarray:
    """Weighted average recall: the share of correct clips (accuracy)."""
    return 100 * _ratio(_hits(counts).sum(axis=-1), counts.sum(axis=(-1, -2)), np.nan)


def class_f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class (..., C), the harmonic mean of precision and recall; NaN without clips."""
    support, answers = counts.sum(axis=-1), counts[..., :-1].sum(axis=-2)
    return 100 * _ratio(2 * _hits(counts), np.where(support > 0, support + answers, 0), np.nan)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """The mean F1 of the classes that have clips."""
    return mean_of_known(class_f1(counts))


def weighted_f1(counts: np.ndarray) -> np.ndarray:
    """The mean F1, weighted by the number of clips of each class."""
    support = counts.sum(axis=-1)
    return _ratio(np.nansum(class_f1(counts) * support, axis=-1), support.sum(axis=-1), np.nan)


def kappa(counts: np.ndarray) -> np.ndarray:
    """Cohen's kappa (1960): agreement beyond chance, at most 1; 0 if all is one class."""
    total = counts.sum(axis=(-1, -2))
    observed = _ratio(_hits(counts).sum(axis=-1), total, np.nan)
    products = counts.sum(axis=-1) * counts[..., :-1].sum(axis=-2)
    chance = _ratio(products.sum(axis=-1), total**2, np.nan)
    return _ratio(observed - chance, 1 - chance, 0.0)


def top_k(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of clips whose label has one of the `k` highest of (N, C) scores."""
    best = np.argsort(-scores, axis=1, kind='stable')[:, :k]
    return float(100 * (best == labels[:, None]).any(axis=1).mean())


def average_precision(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Area under precision over recall of each class, without interpolation.

    Args:
        scores: (N, C).
        positive: (N, C), whether a clip shows the class; it may show several.

    Returns:
        (C,); NaN for a class without clips.
    """
    found = np.full(scores.shape[1], np.nan)
    for number, (score, truth) in enumerate(zip(scores.T, positive.T, strict=True)):
        order = np.argsort(-score, kind='stable')
        # Clips with equal scores are retrieved together.
        last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
        hits = np.cumsum(truth[order])[last]
        if hits[-1]:
            found[number] = 100 * (np.diff(hits, prepend=0) / hits[-1] * hits / (last + 1)).sum()
    return found


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1), np.nan)


def _hits(counts: np.ndarray) -> np.ndarray:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(values: np.ndarray, divisors: np.ndarray, otherwise: float) -> np.ndarray:
    values, divisors = np.asarray(values, dtype=float), np.asarray(divisors, dtype=float)
    return np.divide(
        values, divisors, out=np.full(values.shape, otherwise, float), where=divisors != 0
    )


# The share of clips that score at least so much, and of wrong answers among these.
_WITH_NUMBER = re.compile(r'top[1-9]\d*|(coverage|error)@[01](\.\d+)?')
COUNTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'UAR': uar,
    'WAR': war,
    'F1': macro_f1,
    'weighted_F1': weighted_f1,
    'kappa': kappa,
}


def check_measures(names: list[str]) -> None:
    """Refuse a name that `measure` doesn't know.

    Raises:
        ValueError: at the first such name.
    """
    for name in names:
        if name not in (*COUNTED, 'mAP', 'ECE') and not _WITH_NUMBER.fullmatch(name):
            raise ValueError(
                f'measures: expected names of {", ".join(COUNTED)}, top2 (or another number), '
                f'mAP, ECE, coverage@0.8 and error@0.8 (or another score), found {name!r}'
            )


def measure(name: str, scores: np.ndarray, labels: np.ndarray) -> float:
    """One measure, by name, of (N, C) class scores and (N,) labels.

    A clip without an answer has scores of ``-inf``. It is wrong; ECE leaves it out.
    """
    answered = np.isfinite(scores[:, 0])
    if name == 'ECE':
        return expected_calibration_error(scores[answered], labels[answered])
    if name == 'mAP':
        positive = labels[:, None] == np.arange(scores.shape[1])
        return float(mean_of_known(average_precision(scores, positive)))
    if '@' in name:
        name, _, threshold = name.partition('@')
        found = select_answers(scores, labels, float(threshold))
        return 100 * found[name == 'error']
    if name.startswith('top'):
        return top_k(scores, np.where(answered, labels, -1), int(name[3:]))
    predicted = np.where(answered, scores.argmax(axis=1), -1)
    return float(COUNTED[name](count_answers(labels, predicted, scores.shape[1])))
