"""How many clips the corpora are published to have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..emotions import CORPUS_CLASSES

# (train, test) of each fold, and test clips of fold 1 by class in the corpus's order. Counted in
# the lists that DFER-CLIP's authors publish (github.com/zengqunzhao/DFER-CLIP, annotation/).
_TOTALS: dict[str, tuple[tuple[int, int], ...]] = {
    'dfew': ((9356, 2341), (9356, 2341), (9357, 2340), (9358, 2339), (9361, 2336)),
    'ferv39k': ((31088, 7847),),
    'mafw': ((7333, 1839), (7335, 1837), (7339, 1833), (7340, 1832), (7341, 1831)),
}
_BY_CLASS = {
    'dfew': (489, 379, 534, 435, 294, 29, 181),
    'ferv39k': (1473, 1393, 1958, 1487, 638, 467, 431),
    'mafw': (249, 294, 228, 278, 215, 128, 125, 48, 184, 53, 37),
}


# Shares of classes differ less than this between splits and folds, and more after a shift.
_SAME, _OTHER = 0.05, 0.1


def published_clips(corpus: str, split: str, fold: int) -> tuple[int | None, dict[str, int]]:
    """The number of clips of a split and fold, and by class where it is known.

    Returns:
        None and an empty dict where nothing is published.
    """
    totals = _TOTALS.get(corpus, ())
    if split not in ('train', 'test') or fold > len(totals):
        return None, {}
    known = corpus in _BY_CLASS and split == 'test' and fold == 1
    by_class = dict(zip(CORPUS_CLASSES[corpus], _BY_CLASS[corpus], strict=True)) if known else {}
    return totals[fold - 1][split == 'test'], by_class


def find_wrong_order(corpus: str, counts: Mapping[str, int]) -> str:
    """How the labels of a list seem to be misread, by its clips of each class.

    The shares of the classes are compared with the published ones, as they are and shifted by one
    place, and all counts in any order.

    Args:
        corpus: its name.
        counts: class -> clips, of a split with all classes.

    Returns:
        ``''`` where they are as published, or nothing can be told.
    """
    classes = CORPUS_CLASSES.get(corpus, ())
    expected = np.array(_BY_CLASS.get(corpus, ()))
    found = np.array([counts[name] for name in classes])
    if not len(expected) or not found.any():
        return ''
    if sorted(found) == sorted(expected) and (found != expected).any():
        return 'the clips of each class are as published, but for other classes: another order?'
    if _difference(found, expected) < _OTHER:
        return ''
    shifts = {'less': (slice(-1), slice(1, None)), 'more': (slice(1, None), slice(-1))}
    for direction, (read, meant) in shifts.items():
        if found[read].sum() == found.sum() and _difference(found[read], expected[meant]) < _SAME:
            return (
                'the clips of each class are as published if the first label is one '
                f'{direction} than it is read as: set labels=dict(first=...)'
            )
    return ''


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Half the summed difference of shares: 0 for equal ones, 1 at most."""
    return float(abs(one / one.sum() - other / other.sum()).sum() / 2)
