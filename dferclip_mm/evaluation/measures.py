"""What is computed from answers: UAR, WAR and F1 of counts, and more of class scores.

Counts are (..., C, C + 1): rows the truth, columns the answer, the last one for no answer. Any
leading axes are resamples, folds or seeds. All are in percent, but kappa and ECE.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from .calibration import calibration_error, reliability, select_answers


def count_answers(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (C, C + 1) of (N,) labels and answers; -1 is no answer, which is wrong.

    Raises ValueError when there are no clips, or as `answer_cells` does.
    """
    if not len(truth):
        raise ValueError('there are no clips to score')
    cells = answer_cells(truth, predicted, num_classes)
    shape = num_classes, num_classes + 1
    return np.bincount(cells, minlength=num_classes * (num_classes + 1)).reshape(shape)


def answer_cells(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """The place (N,) of each clip in the flattened counts.

    Raises ValueError when a label lies outside ``0 … C - 1``, or an answer outside ``-1 … C - 1``.
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
    return 100 * _ratio(_hits(counts), counts.sum(axis=-1))


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean over the classes that have clips."""
    return mean_of_known(recall(counts))


def war(counts: np.ndarray) -> np.ndarray:
    """Weighted average recall: the share of correct clips (accuracy)."""
    return 100 * _ratio(_hits(counts).sum(axis=-1), counts.sum(axis=(-1, -2)))


def class_f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class (..., C), the harmonic mean of precision and recall; NaN without clips."""
    support, answers = counts.sum(axis=-1), counts[..., :-1].sum(axis=-2)
    return 100 * _ratio(2 * _hits(counts), np.where(support > 0, support + answers, 0))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """The mean F1 of the classes that have clips."""
    return mean_of_known(class_f1(counts))


COUNTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {'UAR': uar, 'WAR': war, 'F1': macro_f1}


def average_precision(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Area under precision over recall of each class (C,), not interpolated; NaN without clips.

    Of (N, C) scores, ``-inf`` without an answer, and (N, C) classes that a clip shows.
    """
    from sklearn.metrics import average_precision_score

    found = np.full(scores.shape[1], np.nan)
    finite = np.nan_to_num(scores, neginf=float(np.finfo(float).min))
    for number in np.flatnonzero(positive.any(axis=0)):
        found[number] = 100 * average_precision_score(positive[:, number], finite[:, number])
    return found


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


# The share of clips that score at least so much, and of wrong answers among these.
_WITH_NUMBER = re.compile(r'top[1-9]\d*|(coverage|error)@(0(\.\d+)?|1(\.0+)?)')


def check_measures(names: list[str]) -> None:
    """Raise ValueError at the first name that `measure` doesn't know."""
    known = (*COUNTED, 'weighted_F1', 'kappa', 'mAP', 'ECE')
    for name in names:
        if name not in known and not _WITH_NUMBER.fullmatch(name):
            raise ValueError(
                f'measures: expected names of {", ".join(known)}, and top2 (or another number), '
                f'coverage@0.8 and error@0.8 (or another score), found {name!r}'
            )


def measure(name: str, scores: np.ndarray, labels: np.ndarray) -> float:
    """One measure, by name, of (N, C) class scores and (N,) labels.

    A clip without an answer has scores of ``-inf``. It is wrong; ECE leaves it out. NaN where the
    measure is undefined, as ECE and error without answers are.
    """
    answered, classes = np.isfinite(scores[:, 0]), scores.shape[1]
    predicted = np.where(answered, scores.argmax(axis=1), -1)
    if name in COUNTED:
        return float(COUNTED[name](count_answers(labels, predicted, classes)))
    if name == 'weighted_F1':
        # Its import takes a second, here and below.
        from sklearn.metrics import f1_score

        return float(100 * f1_score(labels, predicted, average='weighted', zero_division=0))
    if name == 'kappa':
        from sklearn.metrics import cohen_kappa_score

        # Undefined if all is one class: no agreement beyond chance.
        return float(np.nan_to_num(cohen_kappa_score(labels, predicted)))
    if name == 'mAP':
        positive = labels[:, None] == np.arange(classes)
        return float(mean_of_known(average_precision(scores, positive)))
    if name == 'ECE':
        if not answered.any():
            return math.nan
        return calibration_error(reliability(scores[answered], labels[answered]))
    if '@' in name:
        kind, _, threshold = name.partition('@')
        return 100 * select_answers(scores, labels, float(threshold))[kind == 'error']
    best = np.argsort(-scores, axis=1, kind='stable')[:, : int(name.removeprefix('top'))]
    return float(100 * (answered & (best == labels[:, None]).any(axis=1)).mean())


def _hits(counts: np.ndarray) -> np.ndarray:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    return np.divide(values, divisors, out=np.full(values.shape, np.nan), where=divisors != 0)
