"""Clips with scores out of the user's own CSV, for regression."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmaction.registry import DATASETS

from ..media.validate import MediaValidator
from .clips import ClipFinder, check_list
from .guarded import GuardedDataset
from .list_text import checked_reference, decode_list, numbered_lines
from .unreadable import UnreadableClips


class ScoreRow(NamedTuple):
    """One record of a score file.

    ``split`` is ``''`` where the file has no such column; ``line`` is the record's last one, and
    ``first`` another where a quoted value holds line breaks.
    """

    clip: str
    scores: tuple[float, ...]
    split: str
    line: int
    first: int


def parse_scores(
    text: str, file: str, targets: Sequence[str] = ()
) -> tuple[tuple[str, ...], list[ScoreRow]]:
    """A CSV with the columns ``clip``, one for each target and, if wanted, ``split``.

    Args:
        text: the file's text.
        file: its name for error messages.
        targets: the columns to read; empty: all but ``clip`` and ``split``.

    Returns:
        The targets, and the rows.

    Raises:
        ValueError: naming file and line, when a column or a number is missing or not finite.
    """
    # newline=None: the three ways to end a line are one to the reader.
    reader = csv.DictReader(io.StringIO(text, newline=None), skipinitialspace=True, strict=True)
    rows = []
    try:
        columns = [str(name).strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        names = tuple(targets) or tuple(each for each in columns if each not in ('clip', 'split'))
        _check_header(columns, names, f'{file}:{max(1, reader.line_num)}')
        for record in reader:
            place = f'{file}:{reader.line_num}'
            if None in record or None in record.values():
                raise ValueError(f'{place}: expected {len(columns)} values, one for each column')
            scores = tuple(_score(record[name], name, place) for name in names)
            clip, split = record['clip'].strip(), record.get('split', '').strip()
            clip = checked_reference(clip, file, reader.line_num)
            first = reader.line_num - sum(value.count('\n') for value in record.values())
            rows.append(ScoreRow(clip, scores, split, reader.line_num, first))
    except csv.Error as error:
        # The reader within: the outer one still counts the record before.
        raise ValueError(f'{file}:{max(1, reader.reader.line_num)}: {error}') from error
    return names, rows


def lines_of_record(text: str, line: int) -> range:
    """The lines of the record that ends at a line of a CSV; of what is no record, the first."""
    reader = csv.reader(io.StringIO(text, newline=None), skipinitialspace=True, strict=True)
    first = 1
    try:
        for _ in reader:
            if reader.line_num >= line:
                return range(first, reader.line_num + 1)
            first = reader.line_num + 1
    except csv.Error:
        # Behind a quote that nothing closes all the rest would be one record.
        pass
    return range(first, first + 1)


def _check_header(columns: Sequence[str], targets: Sequence[str], place: str) -> None:
    named = all(name and name.isprintable() for name in columns)
    complete = {'clip', *targets} <= set(columns) and len(set(columns)) == len(columns)
    if not (targets and named and complete):
        wanted = ', '.join(targets) if all(targets) and targets else 'a target'
        raise ValueError(
            f'{place}: expected a header with the columns clip, {wanted}, each once and named, '
            f'found {", ".join(map(repr, columns)) or "an empty file"}'
        )


def _score(value: str, target: str, place: str) -> float:
    try:
        # Python alone reads 1_0 as ten, and the digits of other scripts.
        score = float(value) if value.isascii() and '_' not in value else math.nan
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(
            f'{place}: expected a finite number for {target}, found {value.strip()!r}: complete '
            'the row or take it out'
        )
    return score


@DATASETS.register_module()
class ClipScoresDataset(GuardedDataset):
    """Clips with one or more scores each, listed in a CSV.

    Each item holds ``filename``, ``scores`` (K numbers), ``ann_file`` and ``ann_line``;
    ``metainfo['targets']`` names the scores.

    Args:
        data_root: the folder that relative paths start from.
        ann_file: a CSV with the columns ``clip`` (a frame folder or video), one for each target,
            and ``split`` where one file serves training and testing.
        pipeline: data transforms.
        targets: the columns to read, in this order; empty: all but ``clip`` and ``split``.
        split: take the rows of this ``split``; empty: all rows.
        clip_list: a text file with one clip a line; each must have a row in the CSV, and only
            these are taken. Empty: all.
        data_prefix: ``dict(clips=...)``, the folder that the clips lie in.
        test_mode: as the host's.
        unreadable: what becomes of a clip that cannot be read: ``'raise'``, or in training
            ``'replace'``; see :class:`UnreadableClips`. None: ``'replace'`` in training,
            ``'raise'`` in evaluation.
        max_replaced: the share of unreadable training clips beyond which the run stops.
        allow_outside_root: whether links below ``data_root`` may lead out of it, and out of the
            clips' folder.
        kwargs: further arguments of the host's ``BaseActionDataset``.

    Raises:
        FileNotFoundError: when the root, a file or a clip is missing.
        ValueError: when a file is malformed, has NaN, or lacks a clip, or a link leads out.
    """

    def __init__(
        self,
        *,
        data_root: str,
        ann_file: str,
        pipeline: Sequence[Any],
        targets: Sequence[str] = (),
        split: str = '',
        clip_list: str = '',
        data_prefix: dict[str, str] | None = None,
        test_mode: bool = False,
        unreadable: str | None = None,
        max_replaced: float = 0.01,
        allow_outside_root: bool = False,
        **kwargs: Any,
    ) -> None:
        if unreadable == 'wrong':
            raise ValueError(
                "ClipScoresDataset: unreadable='wrong' is for classes; a score cannot be missed "
                "by a fixed amount: expected 'raise'"
            )
        self.unreadable = UnreadableClips(
            unreadable, test_mode=test_mode, max_replaced=max_replaced
        )
        root = Path(data_root).absolute()
        folder = root / (data_prefix or {}).get('clips', '')
        self.clip_list = root / clip_list if clip_list else None
        roots = None if allow_outside_root else [os.path.realpath(each) for each in (root, folder)]
        for path in (root / ann_file, self.clip_list):
            if path is not None and not path.is_file():
                raise FileNotFoundError(f'ClipScoresDataset: expected a file at {path}, found none')
            if path is not None:
                check_list(path, root, roots)
        if not folder.is_dir():
            raise FileNotFoundError(f"ClipScoresDataset: the clips' folder {folder} is missing")
        self.root, self.clip_folder, self.split = root, folder, split
        names = (targets,) if isinstance(targets, str) else tuple(targets)
        self.targets, self.rows = self.read_scores(root / ann_file, names)
        self._finder, self.guard = ClipFinder(str(folder), roots), MediaValidator(roots)
        super().__init__(
            ann_file=str(root / ann_file),
            pipeline=list(pipeline),
            data_prefix={'clips': str(folder)},
            data_root=str(root),
            test_mode=test_mode,
            metainfo={'targets': self.targets},
            **kwargs,
        )

    def read_scores(
        self, path: Path, targets: Sequence[str]
    ) -> tuple[tuple[str, ...], list[ScoreRow]]:
        """The targets and rows of a score file; see :func:`parse_scores`."""
        return parse_scores(decode_list(path.read_bytes(), str(path)), str(path), targets)

    def read_clip_list(self, path: Path) -> list[tuple[str, int]]:
        """The clips of a list of clips, with their lines."""
        lines = numbered_lines(decode_list(path.read_bytes(), str(path)), str(path))
        return [(checked_reference(text.strip(), str(path), line), line) for line, text in lines]

    def rows_of_split(self) -> list[ScoreRow]:
        """The rows of the split that was asked for.

        Raises:
            ValueError: when there are none.
        """
        if not self.split:
            return self.rows
        found = sorted({row.split for row in self.rows})
        if self.split not in found:
            raise ValueError(
                f'{self.ann_file}: expected rows with split={self.split!r}, found '
                f'{", ".join(map(repr, found))}: the file needs a column `split` with it'
            )
        return [row for row in self.rows if row.split == self.split]

    def locate(self, clip: str) -> str | None:
        """The path of a clip, or None; a link out of the roots is a ValueError."""
        return self._finder.find(clip)

    def load_data_list(self) -> list[dict]:
        """Find the clips of this split; see the class for what is raised."""
        items: dict[str, dict] = {}
        for row in self.rows_of_split():
            path = self._find(row.clip, f'{self.ann_file}:{row.line}')
            item = dict(
                filename=path, scores=list(row.scores), ann_file=self.ann_file, ann_line=row.line
            )
            first = items.setdefault(path, item)
            if first is not item:
                raise ValueError(
                    f'{self.ann_file}:{row.line}: {row.clip} is already in line '
                    f'{first["ann_line"]}: expected each clip once'
                )
        if self.clip_list is not None:
            items = {path: items[path] for path in self._listed(items)}
        if not items:
            raise ValueError(f'{self.ann_file}: expected at least one clip, found none')
        return list(items.values())

    def _listed(self, items: dict[str, dict]) -> list[str]:
        file = self.clip_list
        assert file is not None
        paths = []
        for clip, line in self.read_clip_list(file):
            path = self._find(clip, f'{file}:{line}')
            if path not in items:
                raise ValueError(
                    f'{file}:{line}: the clip {clip!r} has no row in {self.ann_file}: '
                    'add its scores or take it out of the list'
                )
            paths.append(path)
        return list(dict.fromkeys(paths))

    def _find(self, clip: str, place: str) -> str:
        try:
            path = self.locate(clip)
        except ValueError as error:
            raise ValueError(f'{place}: {clip!r}: {error}') from None
        if path is None:
            raise FileNotFoundError(
                f'{place}: the clip {clip!r} is neither a frame folder nor a video below '
                f"{self.clip_folder}: check data_prefix=dict(clips='...') or take the row out"
            )
        return path
