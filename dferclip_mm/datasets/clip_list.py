"""Your own clips: a table with a header, or one folder per class."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS
from mmengine.logging import print_log

from ..emotions import emotion_of, resolve_classes
from ..media.images import natural_key
from ..media.packed import is_packed
from ..media.spans import format_span
from ..media.timed_frames import read_duration
from .class_folders import list_class_folders
from .classes import check_names
from .clip_finder import clip_stem
from .columns import Columns
from .corpus_dataset import CorpusDataset
from .list_text import ListError, check_rows
from .lists import ListLabels, Row
from .splits import SplitRule
from .tables import read_table

# An annotation may end a little after its video.
_LATE = 1.0


@DATASETS.register_module()
class ClipListDataset(CorpusDataset):
    """Clips of a CSV, TSV, JSON Lines, Parquet or Excel file with a header, or of class folders.

    Each item holds ``label``, and what the columns give: ``subject``, ``text`` (a caption),
    ``scores`` (``metainfo['targets']`` names them), ``votes`` (C shares) and ``weight``. In
    training, votes are the targets in the place of the label, and a weight multiplies them.

    Args:
        ann_file: the table, one clip a line; empty: ``<clips>/<class>/<clip>``.
        columns: role -> column, see `Columns`; the columns ``path`` and ``label`` need no entry.
            With ``start`` and ``end`` in seconds a clip is a part of a video.
        metainfo: ``dict(classes=[...])`` names the classes in label order; without it they are
            those of the list, sorted. Other words for an emotion among them are read too.
        labels: for labels that are numbers: ``dict(first=0)`` is the number of the first class,
            ``order=[...]`` the classes where their order is another one.
        split: which clips to take, where one of the following divides them: ``columns.split``;
            ``columns.fold`` (those with the ``fold``-th value are tested: with the subject's
            column, one subject is left out); ``folds``; ``test_fraction``. Else all are of this
            split.
        fold: counted from 1.
        folds: K folds, with all clips of a subject (else of a video) in one.
        test_fraction: tested share of the clips, by whole subjects: one of ``1 / test_fraction``.
        split_seed: of the folds, or of the choice.
        val_fraction: share of the training clips that is left to ``'validation'``, likewise.
        require_caption: leave out clips without a caption.
        kwargs: further arguments of `CorpusDataset`, but ``labelled``: without a label's column
            clips have none.

    Raises:
        FileNotFoundError: as `CorpusDataset`.
        ValueError: if an argument is wrong, or there is one class, or fewer subjects than folds.
        ListError: at the first line of the list that cannot be read.
    """

    def __init__(
        self,
        *,
        ann_file: str = '',
        columns: Mapping[str, Any] | None = None,
        folds: int = 0,
        test_fraction: float = 0.0,
        split_seed: int = 0,
        require_caption: bool = False,
        **kwargs: Any,
    ) -> None:
        if columns and not ann_file:
            raise ValueError('ClipListDataset: columns are those of a list: set ann_file')
        self.columns = Columns(columns or {})
        self._division = (folds, test_fraction, split_seed)
        self.require_caption = require_caption
        if require_caption and 'caption' not in self.columns.names:
            raise ValueError('ClipListDataset: require_caption=True needs columns=dict(caption=)')
        if self.columns.scores and kwargs.get('unreadable') == 'wrong':
            raise ValueError(
                "ClipListDataset: unreadable='wrong' is for classes; a score cannot be missed "
                "by a fixed amount: expected 'raise'"
            )
        self._durations: dict[str, float] = {}
        super().__init__(ann_file=ann_file, **kwargs)

    @classmethod
    def count_folds(cls, settings: Mapping[str, Any]) -> int:
        """How many folds there are: ``folds``, or the values of the column."""
        if not (settings.get('columns') or {}).get('fold'):
            return settings.get('folds') or 1
        built = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
        return len({row.fold for row in built.read_rows() if isinstance(row, Row)})

    def check_split(self) -> None:
        """Check that one thing divides the clips."""
        columns = frozenset({'subject', 'split', 'fold'} & self.columns.names.keys())
        self.rule = SplitRule(columns, *self._division, self.val_fraction, self.val_seed)
        try:
            self.rule.check(self.split, self.fold)
        except ValueError as error:
            raise ValueError(f'ClipListDataset: {error}') from None

    @property
    def protocol(self) -> str:
        """What divides the clips, for tables of results."""
        return self.rule.describe(self.columns.names)

    def find_list(self, ann_file: str) -> Path:
        """The given table, or the folder of the classes in its place."""
        return super().find_list(ann_file) if ann_file else self.clip_folder

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the classes of the list, and the targets of the scores."""
        self.labelled = (
            self.list_file.is_dir() or 'label' in self.columns.names or bool(self.columns.votes)
        )
        if self.columns.scores:
            metainfo['targets'] = self.columns.scores
        order = self.labels.get('order') or metainfo.get('classes')
        if self.labels and order is None:
            raise ValueError(
                f'{self.list_file}: labels={self.labels!r} numbers the classes: name them in '
                'labels.order or metainfo.classes'
            )
        self._order = resolve_classes(order) if order else ()
        chosen = (*self.choice.class_map, *self.choice.exclude, *self.choice.include)
        self._known = (*self._order, *chosen) if order else ()
        if not (self.labelled or order):
            return metainfo
        found = self._order or self._find_classes()
        classes = metainfo.get('classes') or [*dict.fromkeys(map(self.choice.class_of, found))]
        metainfo['classes'] = classes = resolve_classes(classes)
        self.label_numbers = {name: number for number, name in enumerate(classes)}
        if len(classes) < 2:
            raise ValueError(
                f'{self.list_file}: expected two classes or more, found {classes[0]}: add clips of '
                'another class, or map scores with columns.scores'
            )
        known = (*classes, *self._known, *self._order)
        check_names('include_classes', self.choice.include, known)
        check_names('class_map', self.choice.class_map.values(), classes)
        taken = filter(self.choice.takes, self.columns.votes)
        voted = [self.choice.class_of(label) for label in taken]
        check_names('columns.votes', voted, classes)
        return metainfo

    def _find_classes(self) -> list[str]:
        """The classes of the list, sorted; those of a wrong line are not known."""
        self._known = ()
        rows = self.read_rows()
        labels = {row.label for row in rows if isinstance(row, Row)}
        if len(labels) < 2:
            check_rows(rows)
        if not labels:
            raise ValueError(f'{self.list_file}: expected at least one clip, found none')
        found = sorted(labels - self.choice.exclude)
        print_log(f'{self.list_file}: classes, sorted: {", ".join(found)}', logger='current')
        return found

    def read_label(self, word: str) -> str:
        """The name of a label: a class by its name, number, or another word for its emotion.

        Raises:
            ListError: if it is none.
        """
        if self.labels:
            return ListLabels(self._order, self.labels['first']).read(word)
        if word in self._known:
            return word
        if not self._known:
            if re.fullmatch(r'[-+]?[0-9.]+', word):
                expected = (
                    'a label by name; for numbers labels=dict(first=...) and '
                    'metainfo=dict(classes=[...])'
                )
                raise ListError('', 0, expected, word)
            return word
        with suppress(ValueError):
            if emotion_of(word) in self._known:
                return emotion_of(word)
        expected = (
            f'one of {", ".join(dict.fromkeys(self._known))} (for others class_map or '
            'exclude_classes, for numbers labels=dict(first=...))'
        )
        raise ListError('', 0, expected, word)

    def read_rows(self) -> list[Any]:
        """The rows of the table, or one for each clip of each class's folder."""
        if self.list_file.is_dir():
            return list_class_folders(self.clip_folder, self.read_label)
        return self.columns.read_all(
            read_table(self.list_file), str(self.list_file), self.read_label
        )

    def select_rows(self, rows: list[Any]) -> list[Any]:
        """The rows of this split, without those of excluded classes or a missing caption."""
        unknown = (
            self.choice.exclude - {row.label for row in rows} - {*self.metainfo.get('classes', ())}
        )
        if unknown:
            message = f'{self.list_file}: exclude_classes: no clips of {", ".join(sorted(unknown))}'
            print_log(message, logger='current', level=logging.WARNING)
        taken: list[Any] = super().select_rows(rows)
        subjects = sorted({row.subject for row in taken} - {''}, key=natural_key)
        if subjects:
            some = f'{", ".join(subjects[:20])}{", ..." * (len(subjects) > 20)}'
            print_log(
                f'{self.list_file}: {self.split}, fold {self.fold}: {len(taken)} clips of '
                f'{len(subjects)} subjects ({some})',
                logger='current',
            )
        labels = {self.choice.class_of(row.label) for row in taken}
        others = self.columns.scores or 'caption' in self.columns.names
        if len(labels) == 1 and self.labelled and self.split == 'train' and not others:
            raise ValueError(
                f'{self.list_file}: expected training clips of two classes or more, found '
                f'{len(taken)} of {labels.pop()} only: choose another split or fold, or add clips'
            )
        return taken

    def _select_split(self, rows: list[Any]) -> list[Any]:
        try:
            sides = self.rule.divide(rows, self.fold, self.listed_split)
        except ValueError as error:
            raise ValueError(f'{self.list_file}: {error}') from None
        found = [row for row, side in zip(rows, sides, strict=True) if side == self.split]
        if rows and not found:
            raise ValueError(
                f'{self.list_file}: expected clips of the split {self.split!r}, found '
                f'{", ".join(sorted({*sides}))}'
            )
        return found

    def annotation(self, row: Any) -> dict[str, Any]:
        """The label, and what else the columns give."""
        annotation = super().annotation(row)
        if row.subject:
            annotation['subject'] = row.subject
        if 'caption' in self.columns.names:
            annotation['text'] = row.english
        if row.scores:
            annotation['scores'] = list(row.scores)
        if row.weight is not None:
            annotation['weight'] = row.weight
        if row.votes:
            annotation['votes'] = self.share_votes(row.votes, row.line)
        return annotation

    def locate(self, row: Any) -> str | None:
        """The path of a row's clip, or of a video with the part that is meant."""
        path = super().locate(row)
        if row.span is None:
            return path
        suffix = format_span(*row.span)
        packed = super().locate(replace(row, clip=clip_stem(row.clip) + suffix))
        if packed is not None or path is None:
            return packed
        if Path(path).is_dir() or is_packed(path) or self._unchecked:
            expected = 'a video with ClipInit for start and end, or its parts as they are packed'
            raise ListError(self.ann_file, row.line, expected, Path(path).name)
        if path not in self._durations:
            self._durations[path] = 0.0
            with suppress(ValueError, OSError):
                self._durations[path] = read_duration(path)
        seconds = self._durations[path]
        if seconds and (row.span[0] >= seconds or row.span[1] > seconds + _LATE):
            expected = f'a start and end within the {seconds:.3f} seconds of {row.clip}'
            found = f'{row.span[0]:g} and {row.span[1]:g}'
            raise ListError(self.ann_file, row.line, expected, found)
        return path + suffix

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of a clip, for MMEngine's ``ClassBalancedDataset``.

        Raises:
            ValueError: if there are scores and no labels.
        """
        if self.columns.scores and not self.labelled:
            raise ValueError(
                f'{self.ann_file}: clips have scores and no classes to balance: take '
                'ClassBalancedDataset away'
            )
        return super().get_cat_ids(idx)
