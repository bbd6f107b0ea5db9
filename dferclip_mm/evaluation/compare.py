"""Compare runs that answered the same clips: figures with intervals, and paired tests."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..media.packed import PACKED_SUFFIX
from ..media.video_files import VIDEO_SUFFIXES
from .bootstrap import number_units, percentile_interval, resample_counts
from .measures import COUNTED, mean_of_known, recall
from .results import Results, find_results, read_results

# Of a video, which the span of a clip may follow, or of a packed clip.
_SUFFIX = re.compile(
    rf'({"|".join(map(re.escape, (*VIDEO_SUFFIXES, PACKED_SUFFIX)))})(?=$|#t=[0-9.]+,[0-9.]+$)',
    re.IGNORECASE,
)
# The bootstrap of fewer clips or subjects calls almost any difference significant.
FEWEST = 10
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """The results of a run: a name for the table, and those of each fold or seed."""

    name: str
    parts: tuple[Results, ...]

    @cached_property
    def clips(self) -> list[str]:
        """The clips of all parts, below their common folder and without suffix.

        The same clips as frames, as videos or packed, wherever they are, have equal names. Of
        several spans of one video, the second is ``name#2``. Raises ValueError when the results do
        not name their clips.
        """
        if any(len(part.clips) < len(part.truth) for part in self.parts):
            raise ValueError(
                f"{self.name}: its results do not name their clips: add 'filename' to the "
                'meta_keys of PackActionInputs and test again'
            )
        parts = [[Path(clip) for clip in part.clips] for part in self.parts]
        paths = {path for part in parts for path in part}
        root = os.path.commonpath([path.parent for path in paths])
        stems = {path: _SUFFIX.sub('', path.relative_to(root).as_posix()) for path in paths}
        if len(set(stems.values())) < len(paths):
            stems = {path: path.relative_to(root).as_posix() for path in paths}
        names = []
        for part in parts:
            seen: Counter[Path] = Counter()
            for path in part:
                seen[path] += 1
                names.append(stems[path] + (f'#{seen[path]}' if seen[path] > 1 else ''))
        return names

    @cached_property
    def labels(self) -> dict[str, int]:
        """Clip -> label."""
        truth = np.concatenate([part.truth for part in self.parts]).tolist()
        return dict(zip(self.clips, truth, strict=True))

    @property
    def subjects(self) -> dict[str, str]:
        """Clip -> subject; empty where a clip has none."""
        found = [subject for part in self.parts for subject in part.subjects]
        return dict(zip(self.clips, found, strict=True)) if len(found) == len(self.clips) else {}

    def source(self, key: str) -> str:
        """Of all parts, ``checkpoint``, ``selection`` (how it was chosen) or ``protocol``."""
        return ', '.join(dict.fromkeys(part.source.get(key, 'unknown') for part in self.parts))


def read_run(path: str | Path, name: str) -> Run:
    """Read the results at a path; see `find_results`."""
    run = Run(name, tuple(read_results(file) for file in find_results(path)))
    if len({part.classes for part in run.parts}) > 1:
        raise ValueError(f'{path}: its results have different classes: give each as a run')
    return run


def check_same_clips(runs: Sequence[Run]) -> None:
    """Raise ValueError at the first run with other classes, clips or labels than the first."""
    first = runs[0]
    for run in runs[1:]:
        both = f'{first.name} and {run.name}'
        if run.parts[0].classes != first.parts[0].classes:
            lists = ' and '.join(', '.join(each.parts[0].classes) for each in (first, run))
            raise ValueError(f'{both} have different classes, {lists}: compare runs of equal ones')
        for one, other in ((first, run), (run, first)):
            missing = [clip for clip in one.labels if clip not in other.labels]
            if missing:
                raise ValueError(
                    f'{both} were tested on different clips: {len(missing)} of the '
                    f'{len(one.labels)} of {one.name} are not among the {len(other.labels)} of '
                    f'{other.name}, such as {", ".join(missing[:3])}; test both on the same list'
                )
        changed = [clip for clip, label in first.labels.items() if run.labels[clip] != label]
        if changed:
            names = [each.parts[0].classes[each.labels[changed[0]]] for each in (first, run)]
            raise ValueError(
                f'{both} have different labels for {len(changed)} clips, such as {changed[0]} '
                f'({names[0]} and {names[1]}): test both with the same list'
            )


def compare(runs: Sequence[Run], resamples: int = 2000) -> list[Row]:
    """Score runs on the same clips, and test each against the first.

    Clips are resampled, or subjects with all their clips where the results name them, and with each
    clip its answers in all runs, folds and seeds.

    A row for each run has ``run``, ``clips``, ``subjects``, ``tests`` (folds or seeds),
    ``checkpoint`` and ``protocol``, and of ``UAR``, ``WAR``, ``F1`` and ``recall/<class>``, in
    percent, the mean over the tests, their ``…_std`` (None of a single one), the 95 % interval
    ``…_low`` to ``…_high``, and ``…_best``: whether it is significantly above all other runs. Runs
    after the first have ``UAR_difference`` from it, with ``…_low``, ``…_high`` and a two-sided
    ``…_p``, NaN of fewer than `FEWEST` clips or subjects; and what `mcnemar` counts.

    Raises:
        ValueError: when their classes, clips or labels differ.
    """
    check_same_clips(runs)
    subjects = next((run.subjects for run in runs if run.subjects), {})
    enough = len({subjects.get(clip, clip) for clip in runs[0].labels}) >= FEWEST
    draws = [_resample(run, subjects, resamples) for run in runs]
    rows: list[Row] = []
    for run, drawn in zip(runs, draws, strict=True):
        row: Row = dict(
            run=run.name,
            clips=len(run.labels),
            subjects=len(set(run.subjects.values())) or None,
            tests=len(run.parts),
            checkpoint=run.source('selection'),
            protocol=run.source('protocol'),
        )
        points = _score(np.stack([part.counts for part in run.parts]), run.parts[0].classes)
        others = [each for each in draws if each is not drawn] if enough else []
        for name, values in points.items():
            known = values[~np.isnan(values)]
            low, high = percentile_interval(drawn[name])
            above = [percentile_interval(drawn[name] - other[name])[0] > 0 for other in others]
            row |= {
                name: float(known.mean()),
                f'{name}_std': float(known.std(ddof=1)) if len(known) > 1 else None,
                f'{name}_low': low,
                f'{name}_high': high,
                f'{name}_best': bool(others) and all(above),
            }
        for name in COUNTED if rows else ():
            differences = drawn[name] - draws[0][name]
            low, high = percentile_interval(differences)
            tail = min((differences <= 0).sum(), (differences >= 0).sum())
            row |= {
                f'{name}_difference': row[name] - rows[0][name],
                f'{name}_difference_low': low,
                f'{name}_difference_high': high,
                f'{name}_difference_p': min(1.0, float(2 * (tail + 1) / (resamples + 1)))
                if enough
                else np.nan,
            }
        rows.append(row | mcnemar(run, runs[0]) if rows else row)
    return rows


def mcnemar(run: Run, first: Run) -> Row:
    """Clips that only this run and only the first got right, and the exact p-value (McNemar, 1947).

    Empty where a run has several answers to a clip, as of several seeds.
    """
    rights = []
    for each in (run, first):
        if len(each.labels) < len(each.clips):
            return {}
        right = np.concatenate([part.truth == part.predicted for part in each.parts])
        rights.append(dict(zip(each.clips, right.tolist(), strict=True)))
    only = sum(rights[0][clip] > rights[1][clip] for clip in rights[0])
    only_first = sum(rights[0][clip] < rights[1][clip] for clip in rights[0])
    total = only + only_first
    p = float(binomtest(only, total).pvalue) if total else 1.0
    return dict(only_this_right=only, only_first_right=only_first, mcnemar_p=p)


def _resample(run: Run, subjects: Mapping[str, str], resamples: int) -> dict[str, np.ndarray]:
    """The figures of resamples, each the mean over the parts."""
    units = number_units([subjects.get(clip, clip) for clip in run.clips])
    parts, classes = [(part.truth, part.predicted) for part in run.parts], run.parts[0].classes
    scores = _score(resample_counts(parts, units, len(classes), resamples), classes)
    return {name: mean_of_known(values) for name, values in scores.items()}


def _score(counts: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Each figure (..., parts) of counts (..., parts, C, C + 1)."""
    figures = {name: function(counts) for name, function in COUNTED.items()}
    by_class = np.moveaxis(recall(counts), -1, 0)
    recalls = zip(classes, by_class, strict=True)
    return figures | {f'recall/{name}': each for name, each in recalls if not np.isnan(each).all()}
