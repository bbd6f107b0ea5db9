"""What a data set of clips with scores lists, read on where it would itself stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS

from ..datasets.scores import ClipScoresDataset, ScoreRow
from .findings import Finding
from .lenient_read import read_on
from .parts import ListedClip, SplitListing, frames_of, located, opener_of


def read_scores(settings: Mapping[str, Any], name: str) -> tuple[SplitListing, list[Finding]]:
    """As `read_part`, of clips with scores."""
    findings: list[Finding] = []
    kind = DATASETS.get(settings['type'])

    class ReadOn(kind):  # type: ignore[misc, valid-type]
        """It reads its scores when it is built, and would stop at the first wrong line."""

        def read_scores(self, path: Path, targets: Sequence[str]) -> tuple[tuple[str, ...], list]:
            names: list[str] = []

            def read(left: Any) -> list:
                found, rows = super(ReadOn, self).read_scores(left, targets)
                names[:] = found
                return rows

            rows, wrong = read_on(read, path, csv=True)
            findings.extend(wrong)
            return tuple(names), rows

    given = {key: value for key, value in settings.items() if key != 'type'}
    dataset = ReadOn(**{**given, 'pipeline': [], 'lazy_init': True})
    listed = _listed_scores(dataset, findings)
    if not listed:
        findings.append(Finding('settings', 'no clips are listed', '', ((dataset.ann_file, 0),)))
    chosen = [] if dataset.clip_list is None else [str(dataset.clip_list)]
    part = SplitListing(
        name=name,
        fold=1,
        corpus='',
        split='',
        root=str(dataset.root),
        clip_folder=str(dataset.clip_folder),
        classes=(),
        clips=tuple(listed),
        frames=frames_of(settings['pipeline']),
        opener=opener_of(settings['pipeline'], dataset.guard),
        lists=(dataset.ann_file, *chosen),
    )
    return part, findings


def _listed_scores(dataset: ClipScoresDataset, findings: list[Finding]) -> list[ListedClip]:
    """The rows of a split, each clip once, and of them those that a list of clips names."""
    file = dataset.ann_file
    listed: dict[str, ListedClip] = {}
    for row in _rows(dataset, findings):
        path = located(partial(dataset.locate, row.clip), row.clip, (file, row.line), findings)
        each = ListedClip(row.clip, path, str(row.scores), file, row.line, first=row.first)
        first = listed.setdefault(path or row.clip, each)
        if first is not each:
            findings.append(_scored_twice(first, each))
    if dataset.clip_list is None:
        return [*listed.values()]
    chosen, wrong = read_on(dataset.read_clip_list, dataset.clip_list)
    findings.extend(wrong)
    places: dict[str, tuple[tuple[str, int], ...]] = {}
    for clip, line in chosen:
        place = (str(dataset.clip_list), line)
        path = located(partial(dataset.locate, clip), clip, place, findings)
        if path in listed:
            places[path] = (*places.get(path, ()), place)
        elif path is not None:
            message = f'chosen, and has no scores in {Path(file).name}'
            findings.append(Finding('clip without scores', message, path, (place,)))
    return [replace(listed[path], chosen=where) for path, where in places.items()]


def _rows(dataset: ClipScoresDataset, findings: list[Finding]) -> list[ScoreRow]:
    try:
        # Of a file that cannot be read at all, that was told.
        return dataset.rows_of_split() if dataset.rows else []
    except ValueError as error:
        findings.append(Finding('settings', str(error)))
        return []


def _scored_twice(first: ListedClip, second: ListedClip) -> Finding:
    clip = first.path or first.clip
    if first.label == second.label:
        message = f'already in line {first.line}'
        return Finding('scored twice', message, clip, (second.place,))
    message = f'{first.label} in line {first.line}, {second.label} in line {second.line}'
    return Finding('two labels', message, clip, (first.place, second.place))
