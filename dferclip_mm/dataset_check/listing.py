"""What a config's data set lists, read on where the data set itself would stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS

from ..datasets.base import ClipDataset
from ..datasets.classes import compound_order
from ..datasets.scores import ClipScoresDataset
from ..emotions import EMOTIONS
from .findings import Finding
from .lenient_read import read_on
from .listing_scores import read_scores
from .parts import ListedClip, SplitListing, frames_of, located, opener_of


def read_part(
    settings: Mapping[str, Any], name: str, fold: int | None = None
) -> tuple[SplitListing | None, list[Finding]]:
    """Read the list of a data set, line by line where it is wrong, and find its clips.

    Args:
        settings: of the data set, as in a config.
        name: of its dataloader.
        fold: instead of the one in the settings.

    Returns:
        The part, None where it cannot be opened at all; and what was found on the way.

    Raises:
        ValueError: when the data set is none of this package.
    """
    kind = DATASETS.get(settings['type'])
    if kind is None or not issubclass(kind, (ClipDataset, ClipScoresDataset)):
        raise ValueError(
            f'{name}_dataloader: expected a data set of dferclip_mm (DFEWDataset, FERV39kDataset, '
            f'MAFWDataset, AFEWDataset, ClipScoresDataset), found {settings["type"]}: '
            "the host's own lists are not known here"
        )
    run = fold if getattr(kind, 'FOLDS', 1) > 1 else None
    if run is not None:
        settings = {**settings, 'fold': run}
    read = _read_corpus if issubclass(kind, ClipDataset) else read_scores
    try:
        part, findings = read(settings, name)
    except (OSError, ValueError) as error:
        return None, [Finding('settings', f'{name}_dataloader: {error}')]
    return replace(part, run=run), findings


def _read_corpus(settings: Mapping[str, Any], name: str) -> tuple[SplitListing, list[Finding]]:
    # The pipeline is looked at apart; the clips are found here, so that all missing ones are named.
    settings = _with_classes(settings)
    dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
    read_list = dataset.read_list
    findings: list[Finding] = []

    def read_whole(path: Path) -> list:
        rows, wrong = read_on(read_list, path)
        findings.extend(wrong)
        return rows

    # Each corpus has its own read_rows; all of them read a file by this method.
    dataset.read_list = read_whole
    rows = dataset.read_rows()
    classes = dataset.metainfo['classes']
    foreign = [row for row in rows if row.label not in classes]
    findings += [
        Finding(
            'list line',
            f'expected a label of the classes {", ".join(classes)}, found {row.label!r}',
            row.clip,
            ((dataset.ann_file, row.line),),
        )
        for row in foreign
    ]
    rows = dataset.select_split([row for row in rows if row.label in classes])
    locate = dataset.locator()
    listed = []
    for row in rows:
        if row.label in dataset.excluded:
            continue
        path = located(partial(locate, row), row.clip, (dataset.ann_file, row.line), findings)
        listed.append(
            ListedClip(
                clip=row.clip,
                path=path,
                label=row.label,
                file=dataset.ann_file,
                line=row.line,
                num_frames=row.num_frames,
                text=row.english if getattr(dataset, 'captions', False) else None,
            )
        )
    if not listed:
        findings.append(Finding('settings', 'no clips are listed', '', ((dataset.ann_file, 0),)))
    # A part of the clips, and compounds, have no published numbers.
    whole = not (dataset.excluded or dataset.val_fraction or settings.get('compound'))
    whole = whole and not settings.get('captions')
    part = SplitListing(
        name=name,
        fold=dataset.fold,
        corpus=dataset.METAINFO['corpus'],
        split=dataset.split if whole else '',
        root=str(dataset.root),
        clip_folder=str(dataset.clip_folder),
        classes=tuple(each for each in classes if each not in dataset.excluded),
        clips=tuple(listed),
        frames=frames_of(settings['pipeline']),
        opener=opener_of(settings['pipeline'], dataset.guard),
        lists=(dataset.ann_file,),
    )
    return part, findings


def _with_classes(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Compound classes are what the lists hold, and MAFWDataset stops at a wrong line of any."""
    given = settings.get('metainfo') or {}
    if not settings.get('compound') or 'classes' in given:
        return settings
    chosen = ('exclude_classes', 'include_classes')
    bare = {key: value for key, value in settings.items() if key not in chosen}
    bare |= dict(pipeline=[], lazy_init=True, metainfo={'classes': list(EMOTIONS)})
    dataset = DATASETS.build(bare)
    labels = {
        row.label for path in dataset.owners_lists() for row in read_on(dataset.read_list, path)[0]
    }
    if not labels:
        return settings
    return {**settings, 'metainfo': {**given, 'classes': compound_order(labels)}}
