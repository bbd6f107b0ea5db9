"""What a config's dataset lists, with a finding for each line that the dataset would refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmaction.registry import DATASETS

from ..datasets import CorpusDataset
from ..datasets.list_text import ListError
from ..datasets.lists import Row
from .findings import Finding
from .splits import ListedClip, SplitListing

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
    kind = _class_of(settings)
    if not (isinstance(kind, type) and issubclass(kind, CorpusDataset)):
        raise ValueError(
            f'{name}_dataloader: expected a dataset of dferclip_mm (DFEWDataset, FERV39kDataset, '
            f'MAFWDataset, AFEWDataset, ClipListDataset), found {settings.get("type")}, whose '
            'lists this tool cannot read'
        )
    run = fold if kind.count_folds(settings) > 1 else None
    if run is not None:
        settings = {**settings, 'fold': run}
    try:
        dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
        clips, findings = _list_clips(dataset)
    except (OSError, ValueError) as error:
        return None, [Finding('settings', f'{name}_dataloader: {error}')]
    if not clips:
        findings.append(Finding('settings', 'no clips are listed', '', ((dataset.ann_file, 0),)))
    return SplitListing(name, dataset, tuple(clips), settings['pipeline'], run), findings


def find_folds(settings: Mapping[str, Any], wanted: Sequence[str]) -> tuple[list[int], list[int]]:
    """Which folds of a corpus have a list, and which lack it.

    Args:
        settings: of the dataset, as in a config.
        wanted: ``['all']``, or the folds' numbers; a corpus of one fold has its own.

    Returns:
        The wanted folds with a list, and those without; all as if they had one where none has.

    Raises:
        ValueError: if a wanted fold is none of the corpus.
    """
    kind = _class_of(settings)
    count = kind.count_folds(settings) if issubclass(kind, CorpusDataset) else 1
    every = range(1, count + 1)
    if len(every) == 1:
        return [1], []
    if not ({*wanted} == {'all'} or {*wanted} <= {str(fold) for fold in every}):
        known = ', '.join(map(str, every))
        raise ValueError(f"--folds: expected 'all' or some of {known}, found {[*wanted]}")
    folds = [fold for fold in every if 'all' in wanted or str(fold) in wanted]
    missing = []
    for fold in folds:
        try:
            DATASETS.build({**settings, 'fold': fold, 'pipeline': [], 'lazy_init': True})
        except FileNotFoundError:
            missing.append(fold)
        except ValueError:  # another fault, which reading the fold will name
            pass
    if missing == folds:
        return folds, []
    return [fold for fold in folds if fold not in missing], missing


def _class_of(settings: Mapping[str, Any]) -> Any:
    kind = settings.get('type')
    return DATASETS.get(kind) if isinstance(kind, str) else kind


def _list_clips(dataset: CorpusDataset) -> tuple[list[ListedClip], list[Finding]]:
    """The clips of a list, none of one with more than `MAX_LINES` wrong lines; and the findings."""
    rows = dataset.read_rows()
    errors = [row for row in rows if isinstance(row, ListError)]
    clips, missing = [], []
    for row in dataset.select_rows([row for row in rows if not isinstance(row, ListError)]):
        try:
            listed = _listed_clip(dataset, row)
        except ListError as error:
            errors.append(error)
            continue
        clips.append(listed)
        if listed.path is None:
            message = 'neither a frame folder nor a video'
            missing.append(Finding('missing clip', message, row.clip, (listed.place,)))
    wrong = [
        Finding('list line', error.reason, '', ((error.file, error.line),))
        for error in sorted(errors[:MAX_LINES], key=lambda error: error.line)
    ]
    if len(errors) <= MAX_LINES:
        return clips, [*wrong, *missing]
    message = f'{len(errors)} wrong lines, the first {MAX_LINES} are named: a list of another form?'
    return [], [*wrong, Finding('settings', message, '', ((errors[0].file, 0),))]


def _listed_clip(dataset: CorpusDataset, row: Row) -> ListedClip:
    annotation = dataset.annotation(row)
    return ListedClip(
        clip=row.clip,
        path=dataset.locate(row),
        label=str(annotation.get('scores', dataset.choice.class_of(row.label))),
        file=dataset.ann_file,
        line=row.line,
        num_frames=row.num_frames,
        text=annotation.get('text'),
        subject=row.subject,
    )
