"""What the corpora share: splits, folds, classes, and a list of emotions in the owner's layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..emotions import CORPUS_CLASSES, resolve_classes
from .classes import ClassChoice, check_names
from .clip_dataset import ClipDataset
from .clip_finder import ClipFinder
from .list_text import ListError, decode_list
from .lists import (
    ListLabels,
    Row,
    Rows,
    is_dferclip_list,
    parse_clip_names,
    parse_dferclip_list,
    parse_ferv39k_list,
)
from .splits import stratified_holdout

LISTED_SPLITS = ('train', 'test')
SPLITS = (*LISTED_SPLITS, 'validation')


ListForm = tuple[Callable[[str, str, ListLabels], Rows], int | None]


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
        labels: how a list numbers its labels, where it is not as its form has it:
            ``dict(first=0)`` for the number of the first class, and ``order=[...]`` for their
            names where they are not in the corpus's order.
        labelled: False for a list of clips alone, one a line, to predict (``test_mode=True``).
        class_map: ``dict(happiness='positive', ...)`` merges classes: the class of each emotion
            that does not keep its name.
        exclude_classes: emotions or classes whose clips are left out; the label order keeps them.
        include_classes: the only emotions or classes to take; the label order keeps all.
        val_fraction: share of each class of the training list that ``'train'`` leaves to
            ``'validation'``; give both the same. 0 for none.
        val_seed: of the choice.
        kwargs: further arguments of `ClipDataset`.

    Raises:
        FileNotFoundError: as `ClipDataset`.
        ValueError: if an argument is wrong, or a clip is listed with two labels.
        ListError: at the first line of the list that cannot be read.
    """

    CORPUS = ''
    FOLDS = 1
    # The parser of the owner's lists, and the number of their first label (None: words).
    LIST_FORM: ListForm = (parse_ferv39k_list, None)
    compound = False
    require_caption = False

    def __init__(
        self,
        *,
        split: str = 'train',
        fold: int = 1,
        labels: Mapping[str, Any] | None = None,
        labelled: bool = True,
        class_map: Mapping[str, str] | None = None,
        exclude_classes: str | Sequence[str] = (),
        include_classes: str | Sequence[str] = (),
        val_fraction: float = 0.0,
        val_seed: int = 0,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        if split not in SPLITS:
            raise ValueError(f'{name}: expected a split of {", ".join(SPLITS)}, found {split!r}')
        self.split, self.fold = split, fold
        self.val_fraction, self.val_seed = val_fraction, val_seed
        self.check_split()
        if exclude_classes and include_classes:
            raise ValueError(f'{name}: give exclude_classes or include_classes, not both')
        self.labels, self.labelled = dict(labels or {}), labelled
        if self.labels and (
            not isinstance(self.labels.get('first'), int) or set(self.labels) - {'first', 'order'}
        ):
            raise ValueError(
                f'{name}: expected labels=dict(first=0) or labels=dict(first=0, order=[...]), '
                f'found {self.labels!r}'
            )
        chosen = val_fraction or exclude_classes or include_classes
        if not labelled and (chosen or self.labels or not kwargs.get('test_mode')):
            raise ValueError(
                f'{name}: labelled=False is for prediction (test_mode=True) of all clips of a '
                'list, without labels, val_fraction, exclude_classes and include_classes'
            )
        # The list that the split is read from.
        self.listed_split = 'test' if split == 'test' else 'train'
        self.choice = ClassChoice(
            dict(class_map or {}), _names(exclude_classes), _names(include_classes)
        )
        super().__init__(**kwargs)

    @classmethod
    def count_folds(cls, settings: Mapping[str, Any]) -> int:
        """How many folds there are, by the settings of a config."""
        return cls.FOLDS

    def check_split(self) -> None:
        """Check the arguments that choose the clips of a split.

        Raises:
            ValueError: if they do not go together.
        """
        name = type(self).__name__
        if self.split == 'validation' and not self.val_fraction:
            raise ValueError(f"{name}: split='validation' needs val_fraction, such as 0.1")
        if self.split == 'test' and self.val_fraction:
            raise ValueError(
                f'{name}: val_fraction splits the training list, found it with the test list'
            )
        if self.fold not in range(1, self.FOLDS + 1):
            folds = f'from 1 to {self.FOLDS}' if self.FOLDS > 1 else '1, the only one'
            raise ValueError(f'{name}: expected a fold {folds}, found {self.fold!r}')

    def list_path(self, split: str, fold: int) -> str:
        """Where the owner keeps the list of a split and fold, below ``data_root``."""
        raise NotImplementedError

    def find_form(self, text: str) -> ListForm:
        """The parser of a list, and the number of its first label (None: words)."""
        return (parse_dferclip_list, 0) if is_dferclip_list(text) else self.LIST_FORM

    def find_classes(self) -> Sequence[str]:
        """The names that the lists hold, in label order."""
        return CORPUS_CLASSES[self.CORPUS]

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the classes; the names in the arguments are checked."""
        emotions = CORPUS_CLASSES[self.CORPUS]
        self.label_order = resolve_classes(self.labels.get('order', emotions))
        if 'classes' not in metainfo:
            metainfo['classes'] = dict.fromkeys(map(self.choice.class_of, self.find_classes()))
        # Always a tuple: datasets of equal classes can be concatenated if the types are equal.
        metainfo['classes'] = classes = resolve_classes(metainfo['classes'])
        self.label_numbers = {name: number for number, name in enumerate(classes)}
        known = tuple(dict.fromkeys((*emotions, *classes)))
        check_names('labels.order', self.label_order, known)
        check_names('class_map', self.choice.class_map, emotions)
        check_names('exclude_classes', self.choice.exclude, known)
        check_names('include_classes', self.choice.include, known)
        return metainfo

    def find_list(self, ann_file: str) -> Path:
        """The given list, or the owner's for this split and fold."""
        if ann_file:
            return super().find_list(ann_file)
        path = self.root / self.list_path(self.listed_split, self.fold)
        if not path.is_file():
            raise FileNotFoundError(
                f'{type(self).__name__}: expected the list of fold {self.fold} '
                f'({self.listed_split}) at {path}, found no such file: check data_root '
                'or set ann_file'
            )
        return path

    def read_list(self, path: Path) -> list[Row | ListError]:
        """The rows of a list file, in the owner's form, in DFER-CLIP's, or of clips alone."""
        text = decode_list(path.read_bytes(), str(path))
        if not self.labelled:
            return list(parse_clip_names(text, str(path)))
        parse, first = self.find_form(text)
        labels = ListLabels(self.label_order, self.labels.get('first', first), self.compound)
        return list(parse(text, str(path), labels))

    def read_rows(self) -> list[Row | ListError]:
        """The rows of the list of this split and fold."""
        return self.read_list(self.list_file)

    def select_rows(self, rows: list[Row]) -> list[Row]:
        """The rows of this split, without excluded classes and missing required captions."""
        found = self._select_split(rows)
        taken = [row for row in found if not row.label or self.choice.takes(row.label)]
        if found and not taken:
            labels = ', '.join(sorted({row.label for row in found}))
            raise ValueError(
                f'{self.ann_file}: expected at least one clip, found none of the chosen classes '
                f'(only of {labels})'
            )
        # After the clips are divided: datasets without captions divide them alike.
        return [row for row in taken if row.english or not self.require_caption]

    def _select_split(self, rows: list[Row]) -> list[Row]:
        if not self.val_fraction:
            return rows
        # A clip that is listed twice must not be on both sides.
        first = {row.clip: row for row in reversed(rows)}
        clips = [row for row in rows if first[row.clip] is row]
        labels = [self.label_numbers.get(self.choice.class_of(row.label), -1) for row in clips]
        chosen = stratified_holdout(labels, self.val_fraction, self.val_seed)
        held = {row.clip for row, taken in zip(clips, chosen, strict=True) if taken}
        return [row for row in rows if (row.clip in held) == (self.split == 'validation')]

    def annotation(self, row: Row) -> dict[str, Any]:
        """The label's number if there is one, and the frames where the list counts them."""
        annotation: dict[str, Any] = {}
        if self.labelled:
            name = self.choice.class_of(row.label)
            if name not in self.label_numbers:
                expected = f'a label of the classes {", ".join(self.label_numbers)}'
                raise ListError(self.ann_file, row.line, expected, name)
            annotation['label'] = self.label_numbers[name]
        if row.num_frames is not None:
            annotation['total_frames'] = row.num_frames
        return annotation

    def share_votes(self, votes: Mapping[str, float], line: int) -> list[float]:
        """The share of each class among a clip's votes, without those for classes left out.

        Raises:
            ListError: when no vote remains.
        """
        counts = dict.fromkeys(self.label_numbers, 0.0)
        for label, count in votes.items():
            name = self.choice.class_of(label)
            if name in counts and self.choice.takes(label):
                counts[name] += count
        total = sum(counts.values())
        if not total:
            found = ', '.join(label for label, count in votes.items() if count)
            expected = f'a vote for one of {", ".join(counts)}'
            raise ListError(self.ann_file, line, expected, f'votes for {found} alone')
        return [count / total for count in counts.values()]

    def set_target(self, info: dict[str, Any]) -> dict[str, Any]:
        """In training, the votes and the weight of a clip in the place of its label."""
        if not self.test_mode and ('votes' in info or ('weight' in info and 'label' in info)):
            single = np.eye(len(self.label_numbers))[info['label']]
            target = torch.tensor(info.get('votes', single), dtype=torch.float32)
            info['label'] = target * info.get('weight', 1.0)
        return info

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of a clip, for MMEngine's ``ClassBalancedDataset``; none without labels."""
        info = super().get_data_info(idx)
        return [info['label']] if 'label' in info else []

    def locate(self, row: Row) -> str | None:
        """The path of a row's clip; of a path from another machine, the longest trailing part."""
        if not row.path_from_other_machine:
            return self.finder.find(row.clip)
        found = None if self._clips_given else self._root_finder.find_by_suffix(row.clip)
        return found or self.finder.find_by_suffix(row.clip)

    @cached_property
    def _root_finder(self) -> ClipFinder:
        return ClipFinder(str(self.root))


def _names(names: str | Sequence[str]) -> frozenset[str]:
    return frozenset((names,) if isinstance(names, str) else names)
