"""Bootstrap over clips, or over subjects with all their clips (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .measures import answer_cells, uar, war


def resample_counts(
    cells: np.ndarray, units: np.ndarray, shape: tuple[int, ...], resamples: int = 1000
) -> np.ndarray:
    """Counts of resamples, drawn with replacement; equal `units` give equal draws.

    Args:
        cells: (N,) of each clip, where it is counted in the flattened counts.
        units: (N,) what is drawn, numbered from 0: the clip, or its subject.
        shape: of the counts.
        resamples: R.

    Returns:
        (R, *shape).
    """
    rng = np.random.default_rng(0)
    total, size = int(units.max()) + 1, int(np.prod(shape))
    counts = np.empty((resamples, size))
    for number in range(resamples):
        times = np.bincount(rng.integers(total, size=total), minlength=total)
        counts[number] = np.bincount(cells, weights=times[units], minlength=size)
    return counts.reshape(resamples, *shape)


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of (R,) resampled values, without NaN."""
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def number_units(names: Sequence[str]) -> np.ndarray:
    """Number N names, equal ones equally, in the order of the names."""
    return np.unique(np.asarray(names), return_inverse=True)[1]


def bootstrap_interval(
    truth: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    resamples: int = 1000,
    units: np.ndarray | None = None,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of UAR and WAR.

    Args:
        truth: (N,) labels.
        predicted: (N,) predicted labels.
        num_classes: C.
        resamples: number of resamples.
        units: as in `resample_counts`; None: each clip.

    Returns:
        ``{'UAR': (low, high), 'WAR': (low, high)}`` in percent.
    """
    cells = answer_cells(truth, predicted, num_classes)
    units = np.arange(len(truth)) if units is None else units
    counts = resample_counts(cells, units, (num_classes, num_classes + 1), resamples)
    return {name: percentile_interval(each(counts)) for name, each in (('UAR', uar), ('WAR', war))}
