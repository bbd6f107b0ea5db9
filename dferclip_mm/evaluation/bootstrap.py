"""Bootstrap over clips, or over subjects with all their clips (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .measures import answer_cells


def draw_units(units: np.ndarray, resamples: int = 1000) -> Iterator[np.ndarray]:
    """How often each of N clips is in a resample, (N,), for each resample.

    Drawn with replacement are `units` (N,), numbered from 0: the clips, or their subjects.
    """
    rng, total = np.random.default_rng(0), int(units.max()) + 1
    for _ in range(resamples):
        yield np.bincount(rng.integers(total, size=total), minlength=total)[units]


def resample_counts(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    units: np.ndarray,
    num_classes: int,
    resamples: int,
) -> np.ndarray:
    """Counts (R, P, C, C + 1) of R resamples, as in the room's `measures`.

    Parts are the (n,) labels and (n,) answers of P folds or seeds, and `units` are of the clips of
    all parts, see `draw_units`: equal ones give equal draws.
    """
    size = num_classes * (num_classes + 1)
    cells = [number * size + answer_cells(*part, num_classes) for number, part in enumerate(parts)]
    flat = np.concatenate(cells)
    counts = [
        np.bincount(flat, weights=times, minlength=len(parts) * size)
        for times in draw_units(units, resamples)
    ]
    return np.reshape(counts, (resamples, len(parts), num_classes, num_classes + 1))


def interval(
    measure: Callable[..., float], scores: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """The 95 % interval of a measure of (N, C) scores and (N,) labels over resamples of clips."""
    clips = np.arange(len(labels))
    drawn = (np.repeat(clips, times) for times in draw_units(clips))
    return percentile_interval(np.array([measure(scores[each], labels[each]) for each in drawn]))


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of (R,) resampled values, without NaN."""
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def number_units(names: Sequence[str]) -> np.ndarray:
    """Number N names, equal ones equally, in the order of the names."""
    return np.unique(np.asarray(names), return_inverse=True)[1]
