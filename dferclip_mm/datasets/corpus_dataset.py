"""What the corpora share: splits, folds, classes, and a list of emotions in the owner's layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..emotions import CORPUS_CLASSES
from .classes import excluded_classes
from .clip_dataset import ClipDataset
from .clip_finder import ClipFinder
from .holdout import stratified_holdout
from .list_text import ListError, decode_list
from .lists import Row, Rows, is_dferclip_list, parse_dferclip_list

LISTED_SPLITS = ('train', 'test')
SPLITS = (*LISTED_SPLITS, 'validation')


class CorpusDataset(ClipDataset):
    """Labelled clips of one split and fold of a corpus.

    Each item holds ``label`` (index into ``metainfo['classes']``), and ``total_frames`` where the
    list counts them. A corpus names its files in `list_path` and `CLIP_FOLDERS`; DFER-CLIP's lists
    (``path num_frames label``) are read for each corpus.

    Args:
        data_root: the corpus in the layout in which it is distributed.
        split: ``'train'``, ``'test'``, or ``'validation'`` (a part of the training list).
        fold: counted from 1.
        ann_file: as `ClipDataset`; empty: the owner's list.
        data_prefix: as `ClipDataset`; empty: the owner's aligned faces, or else videos.
        metainfo: ``dict(classes=[...])`` sets another label order, by name.
        exclude_classes: names of classes whose clips are left out; the label order keeps them.
        include_classes: names of the only classes to take; the label order keeps all.
        val_fraction: share of each class of the training list that ``'train'`` leaves to
            ``'validation'``; give both the same. 0 for none.
        val_seed: of the choice.
        kwargs: further arguments of `ClipDataset`.

    Raises:
        FileNotFoundError: as `ClipDataset`.
        ValueError: if an argument is wrong, or a clip is listed with two labels.
        ListError: at the first line of the list that cannot be read.
    """

    METAINFO: dict = {}
    FOLDS = 1
    CLIP_FOLDERS: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        split: str = 'train',
        fold: int = 1,
        exclude_classes: Sequence[str] = (),
        include_classes: Sequence[str] = (),
        val_fraction: float = 0.0,
        val_seed: int = 0,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        if split not in SPLITS:
            raise ValueError(f'{name}: expected a split of {", ".join(SPLITS)}, found {split!r}')
        if split == 'validation' and not val_fraction:
            raise ValueError(f"{name}: split='validation' needs val_fraction, such as 0.1")
        if split == 'test' and val_fraction:
            raise ValueError(
                f'{name}: val_fraction splits the training list, found it with the test list'
            )
        if fold not in range(1, self.FOLDS + 1):
            folds = f'from 1 to {self.FOLDS}' if self.FOLDS > 1 else '1, the only one'
            raise ValueError(f'{name}: expected a fold {folds}, found {fold!r}')
        self.split, self.fold = split, fold
        self.val_fraction, self.val_seed = val_fraction, val_seed
        # The list that the split is read from.
        self.listed_split = 'test' if split == 'test' else 'train'
        self._chosen = exclude_classes, include_classes
        super().__init__(**kwargs)

    def list_path(self, split: str, fold: int) -> str:
        """Where the owner keeps the list of a split and fold, below ``data_root``."""
        raise NotImplementedError

    def parse_list(self, text: str, file: str) -> Rows:
        """The rows of a list in the owner's form."""
        raise NotImplementedError

    def find_classes(self) -> Sequence[str]:
        """Class names in label order."""
        return CORPUS_CLASSES[self.METAINFO['corpus']]

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the classes; which of them are left out is found as well."""
        if 'classes' not in metainfo:
            metainfo['classes'] = self.find_classes()
        classes = metainfo['classes']
        self.label_numbers = {name: number for number, name in enumerate(classes)}
        self.excluded = frozenset(excluded_classes(classes, *self._chosen))
        return metainfo

    def find_list(self, ann_file: str) -> Path:
        """The given list, or the owner's for this split and fold."""
        if ann_file:
            return self.find_file(ann_file)
        path = self.root / self.list_path(self.listed_split, self.fold)
        if not path.is_file():
            raise FileNotFoundError(
                f'{type(self).__name__}: expected the list of fold {self.fold} '
                f'({self.listed_split}) at {path}, found no such file: check data_root '
                'or set ann_file'
            )
        return path

    def find_clip_folder(self, clips: str) -> Path:
        """The given folder, or the first of the owner's that exists, or the root."""
        self._clips_given = bool(clips)
        if clips:
            return super().find_clip_folder(clips)
        candidates = [self.root / path for path in self.CLIP_FOLDERS]
        return next((path for path in candidates if path.is_dir()), self.root)

    def read_list(self, path: Path) -> list[Row | ListError]:
        """The rows of a list file, in the owner's form or in DFER-CLIP's."""
        text = decode_list(path.read_bytes(), str(path))
        if is_dferclip_list(text):
            classes = CORPUS_CLASSES[self.METAINFO['corpus']]
            return list(parse_dferclip_list(text, str(path), classes))
        return list(self.parse_list(text, str(path)))

    def read_rows(self) -> list[Row | ListError]:
        """The rows of the list of this split and fold."""
        return self.read_list(self.list_file)

    def select_rows(self, rows: list[Row]) -> list[Row]:
        """The rows of this split, without those of excluded classes."""
        rows = [row for row in self._select_split(rows) if row.label not in self.excluded]
        if self.excluded and not rows:
            raise ValueError(
                f'{self.ann_file}: expected at least one clip, found none (without '
                f'{", ".join(sorted(self.excluded))})'
            )
        return rows

    def _select_split(self, rows: list[Row]) -> list[Row]:
        if not self.val_fraction:
            return rows
        # A clip that is listed twice must not be on both sides.
        first = {row.clip: row for row in reversed(rows)}
        clips = [row for row in rows if first[row.clip] is row]
        labels = [self.label_numbers.get(row.label, -1) for row in clips]
        chosen = stratified_holdout(labels, self.val_fraction, self.val_seed)
        held = {row.clip for row, taken in zip(clips, chosen, strict=True) if taken}
        return [row for row in rows if (row.clip in held) == (self.split == 'validation')]

    def annotation(self, row: Row) -> dict[str, Any]:
        """The label's number, and the number of frames where the list has it."""
        annotation: dict[str, Any] = dict(label=self._label_number(row))
        if row.num_frames is not None:
            annotation['total_frames'] = row.num_frames
        return annotation

    def _label_number(self, row: Row) -> int:
        if row.label not in self.label_numbers:
            expected = f'a label of the classes {", ".join(self.label_numbers)}'
            raise ListError(self.ann_file, row.line, expected, row.label)
        return self.label_numbers[row.label]

    def locate(self, row: Row) -> str | None:
        """The path of a row's clip; of a path from another machine, the longest trailing part."""
        if not row.path_from_other_machine:
            return self.finder.find(row.clip)
        found = None if self._clips_given else self._root_finder.find_by_suffix(row.clip)
        return found or self.finder.find_by_suffix(row.clip)

    @property
    def _root_finder(self) -> ClipFinder:
        if not hasattr(self, '_found_below_root'):
            self._found_below_root = ClipFinder(str(self.root))
        return self._found_below_root
