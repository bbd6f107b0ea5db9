"""Compare runs that answered the same clips: figures with intervals, and paired tests."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

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


@dataclass(frozen=True)
class Run:
    """The results of a run.

    Attributes:
        name: for the table.
        parts: of each fold or seed; one for a single test.
    """

    name: str
    parts: tuple[Results, ...]

    @cached_property
    def clips(self) -> list[str]:
        """The clips of all parts, below their common folder and without suffix.

        The same clips as frames, as videos or packed, wherever they are, have equal names. Of
        several spans of one video, the second is ``name#2``.

        Raises:
            ValueError: when the results do not name their clips.
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


@dataclass(frozen=True)
class Figure:
    """A figure in percent.

    Attributes:
        value: the mean over the parts of a run.
        std: over the parts; None of a single one.
        low, high: 95 % bootstrap interval.
        best: whether it is significantly above that of every other run.
    """

    value: float
    std: float | None
    low: float
    high: float
    best: bool = False


@dataclass(frozen=True)
class Difference:
    """A figure minus that of the first run: its 95 % bootstrap interval and two-sided p-value.

    p is NaN of fewer than `FEWEST` clips or subjects: they can show nothing.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Compared:
    """A row of the comparison.

    Attributes:
        run: what is compared.
        figures: UAR, WAR, F1 and ``recall/<class>``.
        differences: from the first run, for UAR, WAR and F1; empty of the first run.
        mcnemar: clips that only this run, and only the first, got right, and the exact p-value.
            None of the first run, and of several seeds, which have several answers to a clip.
    """

    run: Run
    figures: Mapping[str, Figure]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    mcnemar: tuple[int, int, float] | None = None


def read_run(path: str | Path, name: str) -> Run:
    """Read the results at a path; see `find_results`."""
    run = Run(name, tuple(read_results(file) for file in find_results(path)))
    if len({part.classes for part in run.parts}) > 1:
        raise ValueError(f'{path}: its results have different classes: give each as a run')
    return run


def check_same_clips(runs: Sequence[Run]) -> None:
    """Refuse runs with other classes, clips or labels than the first.

    Raises:
        ValueError: with the difference.
    """
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


def compare(runs: Sequence[Run], resamples: int = 2000) -> list[Compared]:
    """Score runs on the same clips, and test each against the first.

    Clips are resampled, or subjects with all their clips where the results name them, and with each
    clip its answers in all runs, folds and seeds.

    Raises:
        ValueError: when their classes, clips or labels differ.
    """
    check_same_clips(runs)
    subjects = next((run.subjects for run in runs if run.subjects), {})
    enough = len({subjects.get(clip, clip) for clip in runs[0].labels}) >= FEWEST
    draws = [_resample(run, subjects, resamples) for run in runs]
    points = [
        _score(np.stack([part.counts for part in run.parts]), run.parts[0].classes) for run in runs
    ]
    rows: list[Compared] = []
    for number, run in enumerate(runs):
        others = [each for each in draws if each is not draws[number]] if enough else []
        figures = {}
        for name, values in points[number].items():
            own = draws[number][name]
            known = values[~np.isnan(values)]
            figures[name] = Figure(
                float(known.mean()),
                float(known.std(ddof=1)) if len(known) > 1 else None,
                *percentile_interval(own),
                best=bool(others)
                and all(percentile_interval(own - other[name])[0] > 0 for other in others),
            )
        if not rows:
            rows.append(Compared(run, figures))
            continue
        differences = {}
        for name in COUNTED:
            value = figures[name].value - rows[0].figures[name].value
            drawn = draws[number][name] - draws[0][name]
            tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
            p = min(1.0, float(2 * (tail + 1) / (resamples + 1))) if enough else np.nan
            differences[name] = Difference(value, *percentile_interval(drawn), p)
        rows.append(Compared(run, figures, differences, mcnemar(run, runs[0])))
    return rows


def mcnemar(run: Run, other: Run) -> tuple[int, int, float] | None:
    """Clips that only `run` and only `other` got right, and McNemar's exact p-value (1947).

    None where a run has several answers to a clip.
    """
    rights = []
    for each in (run, other):
        if len(each.labels) < len(each.clips):
            return None
        right = np.concatenate([part.truth == part.predicted for part in each.parts])
        rights.append(dict(zip(each.clips, right.tolist(), strict=True)))
    only = sum(rights[0][clip] > rights[1][clip] for clip in rights[0])
    only_other = sum(rights[0][clip] < rights[1][clip] for clip in rights[0])
    total = only + only_other
    return only, only_other, float(binomtest(only, total).pvalue) if total else 1.0


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
