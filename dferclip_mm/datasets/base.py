"""What the corpora have in common: a list of labelled clips, found below one folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..emotions import CORPUS_CLASSES
from ..media.validate import MediaValidator
from .classes import excluded_classes
from .clips import ClipFinder, check_inside, check_list
from .guarded import GuardedDataset
from .holdout import stratified_holdout
from .list_text import decode_list
from .lists import Row, is_dferclip_list, parse_dferclip_list
from .unreadable import UnreadableClips

LISTED_SPLITS = ('train', 'test')
SPLITS = (*LISTED_SPLITS, 'validation')


def find_candidates(root: Path, name: str) -> list[Path]:
    """Where a file or folder of a config may lie: below the dataset, or the current folder."""
    return list(dict.fromkeys([root / name, Path(name).absolute()]))


class ClipDataset(GuardedDataset):
    """Labelled clips of one split and fold of a corpus.

    A clip is a folder of frames or a video file. Each item holds ``filename`` (absolute path of
    the folder or video), ``label`` (index into ``metainfo['classes']``), ``ann_file`` and
    ``ann_line`` (where the clip is listed), and ``total_frames`` where the list counts them. A
    corpus names its files in :meth:`list_path` and :attr:`CLIP_FOLDERS`; the lists that
    circulate with DFER-CLIP (``path num_frames label``) are read for each corpus.

    Args:
        data_root: the corpus as its owner hands it out.
        pipeline: data transforms.
        split: ``'train'``, ``'test'``, or ``'validation'``: the part held out of training.
        fold: counted from 1.
        ann_file: the list, looked up below ``data_root`` and then from the current folder; empty:
            where the owner puts it.
        data_prefix: ``dict(clips=...)``, the folder that the list's clips lie in, looked up as
            ``ann_file``; empty: where the owner puts aligned faces, or else videos.
        test_mode: as the host's.
        metainfo: ``dict(classes=[...])`` sets another label order, by name.
        exclude_classes: names of classes whose clips are left out; the label order keeps them.
        include_classes: names of classes whose clips alone are taken; the label order keeps all.
        val_fraction: share of each class of the training list that ``'train'`` leaves to
            ``'validation'``; give both the same. 0 for none.
        val_seed: of the choice.
        unreadable: what becomes of a clip that cannot be read: ``'raise'``, in training
            ``'replace'``, in evaluation ``'wrong'``; see :class:`UnreadableClips`. None:
            ``'replace'`` in training, ``'raise'`` in evaluation.
        max_replaced: the share of unreadable training clips beyond which the run stops.
        allow_outside_root: whether links below ``data_root`` may lead out of it, and out of the
            clips' folder that ``data_prefix`` names; a list's own ``..`` and absolute paths are
            never followed.
        kwargs: further arguments of the host's ``BaseActionDataset``.

    Raises:
        FileNotFoundError: when the root, the list, the clips' folder or a clip is missing.
        ValueError: when an argument or the list is wrong, or a link leads out of the root.
    """

    METAINFO: dict = {}
    FOLDS = 1
    CLIP_FOLDERS: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        data_root: str,
        pipeline: Sequence[Any],
        split: str = 'train',
        fold: int = 1,
        ann_file: str = '',
        data_prefix: dict[str, str] | None = None,
        test_mode: bool = False,
        metainfo: dict[str, Any] | None = None,
        exclude_classes: Sequence[str] = (),
        include_classes: Sequence[str] = (),
        val_fraction: float = 0.0,
        val_seed: int = 0,
        unreadable: str | None = None,
        max_replaced: float = 0.01,
        allow_outside_root: bool = False,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        root = Path(data_root).absolute()
        if not data_root or not root.is_dir():
            raise FileNotFoundError(f'{name}: data_root={data_root!r} is not a folder')
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
        prefix = data_prefix or {}
        if set(prefix) - {'clips'}:
            raise ValueError(f'{name}: expected data_prefix=dict(clips=...), found {prefix!r}')
        self.root, self.split, self.fold = root, split, fold
        self.val_fraction, self.val_seed = val_fraction, val_seed
        self.unreadable = UnreadableClips(
            unreadable, test_mode=test_mode, max_replaced=max_replaced
        )
        # The list that the split is read from.
        self.listed_split = 'test' if split == 'test' else 'train'
        self.clips_given = bool(prefix.get('clips'))
        # What links may lead to; None: anything.
        self.clip_roots = None if allow_outside_root else [os.path.realpath(root)]
        self.clip_folder = self.find_clip_folder(prefix.get('clips', ''))
        if self.clip_roots and self.clips_given:
            self.clip_roots.append(os.path.realpath(self.clip_folder))
        self.guard = MediaValidator(self.clip_roots)
        listed = self.find_list(ann_file)
        metainfo = dict(metainfo or {})
        if 'classes' not in metainfo:
            metainfo['classes'] = self.find_classes()
        self.excluded = frozenset(
            excluded_classes(metainfo['classes'], exclude_classes, include_classes)
        )
        super().__init__(
            ann_file=str(listed),
            pipeline=list(pipeline),
            data_prefix={'clips': str(self.clip_folder)},
            data_root=str(root),
            test_mode=test_mode,
            metainfo=metainfo,
            **kwargs,
        )

    def list_path(self, split: str, fold: int) -> str:
        """Where the owner keeps the list of a split and fold, below ``data_root``."""
        raise NotImplementedError

    def parse_list(self, text: str, file: str) -> list[Row]:
        """The rows of a list in the owner's form."""
        raise NotImplementedError

    def find_classes(self) -> Sequence[str]:
        """Class names in label order."""
        return CORPUS_CLASSES[self.METAINFO['corpus']]

    def find_list(self, ann_file: str) -> Path:
        """The list file: the given one, or the owner's for this split and fold."""
        candidates = [self.root / self.list_path(self.listed_split, self.fold)]
        if ann_file:
            candidates = find_candidates(self.root, ann_file)
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f'{type(self).__name__}: expected the list of fold {self.fold} '
                f'({self.listed_split}) at {" or ".join(map(str, candidates))}, '
                'found no such file: check data_root or set ann_file'
            )
        check_list(path, self.root, self.clip_roots)
        return path

    def find_clip_folder(self, clips: str) -> Path:
        """The folder that the list's clips lie in: the given one, or the owner's."""
        candidates = [self.root / path for path in self.CLIP_FOLDERS]
        if clips:
            candidates = find_candidates(self.root, clips)
        found = next((path for path in candidates if path.is_dir()), None)
        if found is None and clips:
            raise FileNotFoundError(
                f"{type(self).__name__}: data_prefix['clips']={clips!r} is not a folder "
                f'(looked for {" and ".join(map(str, candidates))})'
            )
        if found is not None and not clips:
            # What an archive brings along is not the user's choice.
            advice = f"name it by data_prefix=dict(clips='{found}')"
            check_inside(str(found), self.clip_roots, "the clips' folder", advice)
        return found or self.root

    def read_list(self, path: Path) -> list[Row]:
        """The rows of a list file, in the owner's form or in the one that circulates."""
        text = decode_list(path.read_bytes(), str(path))
        if is_dferclip_list(text):
            return parse_dferclip_list(text, str(path), CORPUS_CLASSES[self.METAINFO['corpus']])
        return self.parse_list(text, str(path))

    def read_rows(self) -> list[Row]:
        """The rows of this split and fold."""
        return self.read_list(Path(self.ann_file))

    def load_data_list(self) -> list[dict]:
        """Find each listed clip and its label's number; see the class for what is raised."""
        rows = self.select_split(self.read_rows())
        rows = [row for row in rows if row.label not in self.excluded]
        if not rows:
            without = f' (without {", ".join(sorted(self.excluded))})' if self.excluded else ''
            raise ValueError(f'{self.ann_file}: expected at least one clip, found none{without}')
        labels = self._number_labels(rows)
        paths = self._find_clips(rows)
        items: dict[str, dict] = {}
        for row, label, path in zip(rows, labels, paths, strict=True):
            item = self._item(row, label, path)
            first = items.setdefault(path, item)
            if first is not item:
                self._compare(first, item)
        return list(items.values())

    def select_split(self, rows: list[Row]) -> list[Row]:
        """The rows that are held out, or those that are not."""
        if not self.val_fraction:
            return rows
        # A clip that is listed twice must not end up on both sides.
        first = {row.clip: row for row in reversed(rows)}
        clips = [row for row in rows if first[row.clip] is row]
        labels = self._number_labels(clips)
        chosen = stratified_holdout(labels, self.val_fraction, self.val_seed)
        held = {row.clip for row, taken in zip(clips, chosen, strict=True) if taken}
        return [row for row in rows if (row.clip in held) == (self.split == 'validation')]

    def _item(self, row: Row, label: int, path: str) -> dict:
        item = dict(filename=path, label=label, ann_file=self.ann_file, ann_line=row.line)
        if row.num_frames is not None:
            item['total_frames'] = row.num_frames
        return item

    def _number_labels(self, rows: Sequence[Row]) -> list[int]:
        classes = list(self._metainfo['classes'])
        numbers = {name: number for number, name in enumerate(classes)}
        for row in rows:
            if row.label not in numbers:
                raise ValueError(
                    f'{self._place(row.line)}: expected a label of the classes '
                    f'{", ".join(classes)}, found {row.label!r}'
                )
        return [numbers[row.label] for row in rows]

    def locator(self) -> Callable[[Row], str | None]:
        """From a row to its clip's path, or None; a link out of the roots is a ValueError."""
        clips = str(self.clip_folder)
        finder = ClipFinder(clips, self.clip_roots)
        whole = finder if self.clips_given else ClipFinder(str(self.root), self.clip_roots)

        def locate(row: Row) -> str | None:
            if row.foreign:
                return whole.find_by_suffix(row.clip) or finder.find_by_suffix(row.clip)
            return finder.find(row.clip)

        return locate

    def _find_clips(self, rows: Sequence[Row]) -> list[str]:
        locate = self.locator()
        paths, missing = [], []
        for row in rows:
            try:
                path = locate(row)
            except ValueError as error:
                raise ValueError(f'{self._place(row.line)}: {row.clip!r}: {error}') from None
            if path is None:
                missing.append(row)
            else:
                paths.append(path)
        if missing:
            some = ', '.join(f'{row.clip} ({self._place(row.line)})' for row in missing[:3])
            raise FileNotFoundError(
                f'{type(self).__name__}: {len(missing)} of {len(rows)} listed clips are neither '
                f'frame folders nor videos below {self.clip_folder}, first {some}: '
                "check data_root or set data_prefix=dict(clips='...')"
            )
        return paths

    def _compare(self, first: dict, second: dict) -> None:
        """Refuse a clip that is listed with two meanings; warn of one that is listed twice."""
        for key in ('label', 'text'):
            if first.get(key) != second.get(key):
                raise ValueError(
                    f'{self._place(second["ann_line"])}: expected one {key} for '
                    f'{second["filename"]}, found another than in line {first["ann_line"]}'
                )
        print_log(
            f'{self._place(second["ann_line"])}: {second["filename"]} is already in line '
            f'{first["ann_line"]}, and counts once',
            logger='current',
            level=logging.WARNING,
        )

    def _place(self, line: int) -> str:
        return f'{self.ann_file}:{line}' if line else self.ann_file
