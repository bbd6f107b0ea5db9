"""What a config's data set lists, read on where the data set itself would stop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS, TRANSFORMS

from ...emotions import EMOTIONS
from ..base import LISTED_SPLITS, ClipDataset, compound_order
from ..clips import ClipFinder
from ..list_text import decode_list
from ..media_guard import MediaGuard
from ..scores import ClipScoresDataset, parse_scores
from .findings import Finding

# So many wrong lines are named; more of them are a list of another form.
MAX_LINES = 100


@dataclass(frozen=True)
class Listed:
    """A line of a list: its clip's name and path (None: missing), label, and counted frames."""

    clip: str
    path: str | None
    label: str
    file: str
    line: int
    num_frames: int | None = None

    @property
    def place(self) -> tuple[str, int]:
        """File and line."""
        return self.file, self.line


@dataclass(frozen=True)
class Part:
    """The clips of one dataloader and fold.

    Attributes:
        name: of the dataloader, ``'train'``, ``'val'`` or ``'test'``.
        split: of the corpus; ``''`` where there is none or clips are left out on purpose.
        root: the data root.
        clip_folder: where the clips lie.
        classes: names that should have clips, in label order.
        clips: the lines of the list.
        frames: that a sample takes, from the first to the last.
        opener: what opens a clip: `OpenClip`, behind what guards it.
    """

    name: str
    fold: int
    corpus: str
    split: str
    root: str
    clip_folder: str
    classes: tuple[str, ...]
    clips: tuple[Listed, ...]
    frames: int
    opener: Any

    @property
    def title(self) -> str:
        """For people."""
        return f'{self.name}, fold {self.fold}' if self.corpus else self.name

    def count(self) -> Counter[str]:
        """Clips by label, each clip once."""
        return Counter({each.path or each.clip: each.label for each in self.clips}.values())


class _WithoutLines:
    """A list file that some lines were blanked in; it stands for its path."""

    def __init__(self, path: Path, lines: set[int]) -> None:
        self._path, self._lines = path, lines

    def __str__(self) -> str:
        return str(self._path)

    def read_bytes(self) -> bytes:
        parts = split_lines(self._path.read_bytes())
        # Ends of lines stand between the lines.
        return b''.join(
            b'' if index % 2 == 0 and index // 2 + 1 in self._lines else part
            for index, part in enumerate(parts)
        )


def split_lines(data: bytes) -> list[bytes]:
    """Lines and, between them, their ends; together the data again."""
    return re.split(rb'(\r\n|\r|\n)', data)


def read_part(
    settings: Mapping[str, Any], name: str, fold: int | None = None
) -> tuple[Part | None, list[Finding]]:
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
    if fold is not None and getattr(kind, 'FOLDS', 1) > 1:
        settings = {**settings, 'fold': fold}
    read = _read_corpus if issubclass(kind, ClipDataset) else _read_scores
    try:
        return read(settings, name)
    except (OSError, ValueError) as error:
        return None, [Finding('settings', f'{name}_dataloader: {error}')]


def _read_corpus(settings: Mapping[str, Any], name: str) -> tuple[Part, list[Finding]]:
    # The pipeline is looked at apart; the clips are found here, so that all missing ones are named.
    settings = _with_classes(settings)
    dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
    read_list = dataset.read_list
    findings: list[Finding] = []

    def read_on(path: Path) -> list:
        rows, wrong = _read_on(read_list, path)
        findings.extend(wrong)
        return rows

    # Each corpus has its own read_rows; all of them read a file by this method.
    dataset.read_list = read_on
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
    rows = dataset.of_this_part([row for row in rows if row.label in classes])
    locate = dataset.locator()
    listed = []
    for row in rows:
        if row.label in dataset.left_out:
            continue
        path = _located(partial(locate, row), row.clip, dataset.ann_file, row.line, findings)
        listed.append(Listed(row.clip, path, row.label, dataset.ann_file, row.line, row.num_frames))
    if not listed:
        findings.append(Finding('settings', 'no clips are listed', '', ((dataset.ann_file, 0),)))
    # A part of the clips, and compounds, have no published numbers.
    whole = not (dataset.left_out or dataset.held_out or settings.get('compound'))
    whole = whole and not settings.get('captions')
    part = Part(
        name=name,
        fold=dataset.fold,
        corpus=dataset.METAINFO['corpus'],
        split=dataset.split if whole else '',
        root=str(dataset.root),
        clip_folder=str(dataset.clip_folder),
        classes=tuple(each for each in classes if each not in dataset.left_out),
        clips=tuple(listed),
        **_pipeline(settings['pipeline'], dataset.guard),
    )
    return part, findings


def _with_classes(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Compound classes are what the lists hold, and MAFWDataset stops at a wrong line of any."""
    given = settings.get('metainfo') or {}
    if not settings.get('compound') or 'classes' in given:
        return settings
    chosen = ('exclude_classes', 'only_classes')
    bare = {key: value for key, value in settings.items() if key not in chosen}
    bare |= dict(pipeline=[], lazy_init=True, metainfo={'classes': list(EMOTIONS)})
    dataset = DATASETS.build(bare)
    folds = range(1, dataset.FOLDS + 1)
    lists = [dataset.root / dataset.list_path(s, fold) for s in LISTED_SPLITS for fold in folds]
    labels = {
        row.label
        for path in lists
        if path.is_file()
        for row in _read_on(dataset.read_list, path)[0]
    }
    if not labels:
        return settings
    return {**settings, 'metainfo': {**given, 'classes': compound_order(labels)}}


def _read_scores(settings: Mapping[str, Any], name: str) -> tuple[Part, list[Finding]]:
    root = Path(settings['data_root']).absolute()
    folder = root / (settings.get('data_prefix') or {}).get('clips', '')
    file = root / settings['ann_file']
    if not folder.is_dir() or not file.is_file():
        raise FileNotFoundError(f'expected the folder {folder} and the file {file}')
    targets = settings.get('targets') or ()
    names = (targets,) if isinstance(targets, str) else tuple(targets)

    def parse(source: Any) -> list:
        return parse_scores(decode_list(source.read_bytes(), str(source)), str(source), names)[1]

    rows, findings = _read_on(parse, file, header=True)
    rows = [row for row in rows if settings.get('split', '') in ('', row.split)]
    roots = None if settings.get('allow_outside_root') else (str(root), str(folder))
    finder = ClipFinder(str(folder), roots)
    listed = [
        Listed(
            row.clip,
            _located(partial(finder.find, row.clip), row.clip, str(file), row.line, findings),
            str(row.scores),
            str(file),
            row.line,
        )
        for row in rows
    ]
    if settings.get('clip_list'):
        chosen_file = root / settings['clip_list']
        lines = decode_list(chosen_file.read_bytes(), str(chosen_file)).splitlines()
        chosen = {finder.find(line.strip()) for line in lines if line.strip()}
        listed = [each for each in listed if each.path in chosen]
    if not listed:
        findings.append(Finding('settings', 'no clips are listed', '', ((str(file), 0),)))
    part = Part(
        name=name,
        fold=1,
        corpus='',
        split='',
        root=str(root),
        clip_folder=str(folder),
        classes=(),
        clips=tuple(listed),
        **_pipeline(settings['pipeline'], MediaGuard(roots)),
    )
    return part, findings


def _read_on(
    read: Callable[[Any], list], path: Path, *, header: bool = False
) -> tuple[list, list[Finding]]:
    """Read a list, again without each line that it stops at; its lines keep their numbers."""
    wrong: set[int] = set()
    findings: list[Finding] = []
    while True:
        try:
            return read(_WithoutLines(path, wrong)), findings
        except ValueError as error:
            found = re.match(rf'{re.escape(str(path))}:(\d+): (.*)', str(error), re.DOTALL)
            line = int(found[1]) if found else 0
            message = found[2] if found else str(error)
            if not line or line in wrong or (header and line == 1):
                return [], [*findings, Finding('settings', message, '', ((str(path), line),))]
            wrong.add(line)
            findings.append(Finding('list line', message, '', ((str(path), line),)))
            if len(wrong) == MAX_LINES:
                message = f'{MAX_LINES} wrong lines, and perhaps more: is it a list of this corpus?'
                return [], [*findings, Finding('settings', message, '', ((str(path), 0),))]


def _located(
    locate: Callable[[], str | None], clip: str, file: str, line: int, findings: list[Finding]
) -> str | None:
    message = 'neither a frame folder nor a video'
    try:
        path = locate()
    except ValueError as error:
        path, message = None, str(error)
    if path is None:
        findings.append(Finding('missing clip', message, clip, ((file, line),)))
    return path


def _pipeline(steps: Sequence[Any], guard: MediaGuard) -> dict[str, Any]:
    """How many frames in a row a sample takes, and what opens a clip."""
    frames, opener = 1, None
    for step in steps:
        name = step['type']
        if name == 'OpenClip':
            opener = TRANSFORMS.build(step)
        elif name == 'SampleSegments':
            frames = TRANSFORMS.build(step).num_frames
        elif name == 'SampleWindow':
            sampling = TRANSFORMS.build(step)
            frames = sampling.stride * (sampling.num_frames - 1) + 1
        elif name == 'SampleFrames':
            sampling = TRANSFORMS.build(step)
            frames = sampling.clip_len * sampling.frame_interval
    opener = opener or TRANSFORMS.build(dict(type='OpenClip'))
    return dict(frames=frames, opener=partial(guard.run, pipeline=opener))
