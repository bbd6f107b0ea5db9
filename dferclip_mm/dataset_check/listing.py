"""What a config's dataset lists, with a finding for each line that the dataset would refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmaction.registry import DATASETS

from ..datasets import ClipDataset, ClipScoresDataset, CorpusDataset
from ..datasets.list_text import ListError
from .findings import Finding
from .splits import ListedClip, SplitListing, count_sampled_frames

# More wrong lines than this: the list has another form.
MAX_LINES = 100


def read_split(
    settings: Mapping[str, Any], name: str, fold: int | None = None
) -> tuple[SplitListing | None, list[Finding]]:
    """Read the list of a dataset, all its wrong lines included, and find its clips.

    Args:
        settings: of the dataset, as in a config.
        name: of its dataloader.
        fold: in place of the one in the settings.

    Returns:
        The split, None if it cannot be opened at all; and the findings.

    Raises:
        ValueError: if the dataset is not one of this package.
    """
    kind = DATASETS.get(settings['type'])
    if kind is None or not issubclass(kind, ClipDataset):
        raise ValueError(
            f'{name}_dataloader: expected a dataset of dferclip_mm (DFEWDataset, FERV39kDataset, '
            f'MAFWDataset, AFEWDataset, ClipScoresDataset), found {settings["type"]}, whose lists '
            'this tool cannot read'
        )
    run = fold if getattr(kind, 'FOLDS', 1) > 1 else None
    if run is not None:
        settings = {**settings, 'fold': run}
    try:
        dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
        rows, findings = _split_errors(dataset.read_rows())
        if isinstance(dataset, CorpusDataset):
            rows, unknown = _split_unknown_labels(dataset, rows)
            findings += unknown
        clips = _list_clips(dataset, dataset.select_rows(rows), findings)
        if isinstance(dataset, ClipScoresDataset) and dataset.clip_list is not None:
            clips = _choose_clips(dataset, clips, findings)
    except (OSError, ValueError) as error:
        return None, [Finding('settings', f'{name}_dataloader: {error}')]
    if not clips:
        findings.append(Finding('settings', 'no clips are listed', '', ((dataset.ann_file, 0),)))
    return _split_of(dataset, settings, name, clips, run), findings


def _split_errors(rows: Iterable[Any]) -> tuple[list[Any], list[Finding]]:
    """The rows that can be read, and the findings of the others.

    Args:
        rows: of a list, each a row or a `ListError`.

    Returns:
        The rows, none of a list with more than `MAX_LINES` wrong lines; and the findings.
    """
    read, errors = [], []
    for row in rows:
        if isinstance(row, ListError):
            errors.append(row)
        else:
            read.append(row)
    findings = [_find_error(error) for error in errors[:MAX_LINES]]
    if len(errors) <= MAX_LINES:
        return read, findings
    message = f'{len(errors)} wrong lines, the first {MAX_LINES} are named: a list of another form?'
    return [], [*findings, Finding('settings', message, '', ((errors[0].file, 0),))]


def _find_error(error: ListError) -> Finding:
    """The finding of a line, or of a record of several lines, that cannot be read."""
    lines = range(error.line, max(error.line, error.last_line) + 1)
    return Finding('list line', error.reason, '', tuple((error.file, line) for line in lines))


def _split_unknown_labels(
    dataset: CorpusDataset, rows: list[Any]
) -> tuple[list[Any], list[Finding]]:
    known, findings = [], []
    for row in rows:
        try:
            dataset.annotation(row)
            known.append(row)
        except ListError as error:
            findings.append(_find_error(error))
    return known, findings


def _list_clips(dataset: ClipDataset, rows: list[Any], findings: list[Finding]) -> list[ListedClip]:
    clips = []
    for row in rows:
        annotation = dataset.annotation(row)
        clips.append(
            ListedClip(
                clip=row.clip,
                path=_locate(dataset, row, (dataset.ann_file, row.line), findings),
                label=str(annotation['scores']) if 'scores' in annotation else row.label,
                file=dataset.ann_file,
                line=row.line,
                num_frames=annotation.get('total_frames'),
                first=getattr(row, 'first', row.line),
                text=annotation.get('text'),
            )
        )
    return clips


def _choose_clips(
    dataset: ClipScoresDataset, clips: list[ListedClip], findings: list[Finding]
) -> list[ListedClip]:
    """The clips that ``clip_list`` names, with their lines there."""
    scored = {each.path: each for each in reversed(clips)}
    rows, wrong = _split_errors(dataset.read_clip_list())
    findings += wrong
    lines: dict[str, tuple[tuple[str, int], ...]] = {}
    for row in rows:
        location = (str(dataset.clip_list), row.line)
        path = _locate(dataset, row, location, findings)
        if path is not None and path in scored:
            lines[path] = (*lines.get(path, ()), location)
        elif path is not None:
            message = f'chosen, and has no scores in {dataset.list_file.name}'
            findings.append(Finding('clip without scores', message, path, (location,)))
    return [each.chosen_in(lines[each.path]) for each in clips if each.path in lines]


def _locate(
    dataset: ClipDataset, row: Any, location: tuple[str, int], findings: list[Finding]
) -> str | None:
    path = dataset.locate(row)
    if path is None:
        message = 'neither a frame folder nor a video'
        findings.append(Finding('missing clip', message, row.clip, (location,)))
    return path


def _split_of(
    dataset: Any, settings: Mapping[str, Any], name: str, clips: list[ListedClip], run: int | None
) -> SplitListing:
    classes = tuple(dataset.metainfo.get('classes', ()))
    excluded = getattr(dataset, 'excluded', ())
    # A part of the clips, and compounds, have no published numbers.
    reduced = excluded or getattr(dataset, 'val_fraction', 0)
    complete = not (reduced or settings.get('compound') or settings.get('captions'))
    chosen = getattr(dataset, 'clip_list', None)
    corpus = dataset.METAINFO.get('corpus', '')
    return SplitListing(
        name=name,
        fold=getattr(dataset, 'fold', 1),
        corpus=corpus,
        split=dataset.split if complete and corpus else '',
        root=str(dataset.root),
        clip_folder=str(dataset.clip_folder),
        classes=tuple(each for each in classes if each not in excluded),
        clips=tuple(clips),
        frames=count_sampled_frames(settings['pipeline']),
        pipeline=settings['pipeline'],
        lists=(dataset.ann_file, *([str(chosen)] if chosen else [])),
        run=run,
    )
