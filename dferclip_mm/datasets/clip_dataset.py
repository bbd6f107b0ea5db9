"""What all datasets of clips share: a list, a folder of clips, and clips that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmaction.datasets import BaseActionDataset
from mmaction.datasets.transforms import DecordInit, OpenCVInit, PIMSInit, PyAVInit
from mmengine.logging import print_log

from ..media.errors import ClipReadError, StaleFileError, clip_error
from ..media.video_files import check_clip
from ..transforms.clip_opener import class_of, iterate_steps
from .clip_finder import ClipFinder
from .list_text import check_rows, place_in
from .unreadable import UnreadableClips

# These read any file as a video.
_MMACTION2_DECODERS = (DecordInit, OpenCVInit, PIMSInit, PyAVInit)
# What a wrong pipeline or transform raises, and a bad clip hardly ever.
_MISTAKES = (
    AssertionError,
    AttributeError,
    ImportError,
    KeyError,
    MemoryError,
    NameError,
    NotImplementedError,
    TypeError,
)


class ClipDataset(BaseActionDataset):
    """Clips that a list names, with their annotations.

    A clip is a folder of frames, a video or a packed clip. Each item holds ``filename`` (absolute
    path), ``ann_file`` and ``ann_line`` (where the clip is listed), and its annotation. How a list
    is read, and what of it goes into an item, is in `CorpusDataset`.

    Args:
        data_root: the folder of the dataset. Links below it are followed.
        pipeline: data transforms, MMAction2's own included.
        ann_file: the list, looked up below ``data_root`` and then from the current folder.
        data_prefix: ``dict(clips=...)``, the folder that the list's clips lie in, looked up as
            ``ann_file``.
        test_mode: as in MMEngine's ``BaseDataset``.
        metainfo: as in MMEngine's ``BaseDataset``.
        unreadable: what happens to a clip that cannot be read: ``'raise'``, in training
            ``'replace'``, in evaluation ``'wrong'``; see `UnreadableClips`. None: ``'replace'`` in
            training, ``'raise'`` in evaluation.
        max_replaced: the share of unreadable training clips beyond which the run stops.
        kwargs: further arguments of MMAction2's ``BaseActionDataset``.

    Raises:
        FileNotFoundError: if the root, the list, the clips' folder or a clip is missing.
        ValueError: if an argument is wrong.
        ListError: at the first line of the list that cannot be read.
    """

    CLIP_FOLDERS: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        data_root: str,
        pipeline: Sequence[Any],
        ann_file: str = '',
        data_prefix: dict[str, str] | None = None,
        test_mode: bool = False,
        metainfo: dict[str, Any] | None = None,
        unreadable: str | None = None,
        max_replaced: float = 0.01,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        self.root = Path(data_root).absolute()
        if not data_root or not self.root.is_dir():
            raise FileNotFoundError(f'{name}: data_root={data_root!r} is not a folder')
        prefix = data_prefix or {}
        if set(prefix) - {'clips'}:
            raise ValueError(f'{name}: expected data_prefix=dict(clips=...), found {prefix!r}')
        # Our own steps check what they open.
        self._unchecked = any(
            issubclass(class_of(step), _MMACTION2_DECODERS) for step in iterate_steps(pipeline)
        )
        self.unreadable = UnreadableClips(
            unreadable, test_mode=test_mode, max_replaced=max_replaced
        )
        self._clips_given = bool(prefix.get('clips'))
        self.clip_folder = self.find_clip_folder(prefix.get('clips', ''))
        self.finder = ClipFinder(str(self.clip_folder))
        self.list_file = self.find_list(ann_file)
        super().__init__(
            ann_file=str(self.list_file),
            pipeline=list(pipeline),
            data_prefix={'clips': str(self.clip_folder)},
            data_root=str(self.root),
            test_mode=test_mode,
            metainfo=self.complete_metainfo(dict(metainfo or {})),
            **kwargs,
        )

    def find_list(self, ann_file: str) -> Path:
        """The list: a file below the root or the current folder.

        Raises:
            FileNotFoundError: if there is none.
        """
        candidates = self._candidates(ann_file)
        for path in candidates:
            if path.is_file():
                return path
        raise FileNotFoundError(
            f'{type(self).__name__}: expected a list at {" or ".join(map(str, candidates))}, '
            'found no such file: check data_root and the name'
        )

    def find_clip_folder(self, clips: str) -> Path:
        """The given folder of the clips, or the first of the owner's that exists, or the root."""
        owners = [*(self.root / path for path in self.CLIP_FOLDERS), self.root]
        candidates = self._candidates(clips) if clips else owners
        for path in candidates:
            if path.is_dir():
                return path
        raise FileNotFoundError(
            f"{type(self).__name__}: data_prefix['clips']={clips!r} is not a folder "
            f'(looked for {" and ".join(map(str, candidates))})'
        )

    def _candidates(self, name: str) -> list[Path]:
        return list(dict.fromkeys([self.root / name, Path(name).absolute()]))

    def load_data_list(self) -> list[dict]:
        """Find each listed clip; see the class for what is raised."""
        rows = self.select_rows(check_rows(self.read_rows()))
        if not rows:
            raise ValueError(f'{self.ann_file}: expected at least one clip, found none')
        annotations = [self.annotation(row) for row in rows]
        items: dict[str, dict] = {}
        for row, annotation, path in zip(rows, annotations, self._find_clips(rows), strict=True):
            item = dict(filename=path, ann_file=self.ann_file, ann_line=row.line, **annotation)
            first = items.setdefault(path, item)
            if first is not item:
                self._check_repeated(first, item, annotation)
        return list(items.values())

    def _find_clips(self, rows: Sequence[Any]) -> list[str]:
        paths = [self.locate(row) for row in rows]
        missing = [row for row, path in zip(rows, paths, strict=True) if path is None]
        if missing:
            some = ', '.join(
                f'{row.clip} ({place_in(self.ann_file, row.line)})' for row in missing[:3]
            )
            raise FileNotFoundError(
                f'{type(self).__name__}: {len(missing)} of {len(rows)} listed clips are neither '
                f'frame folders nor videos below {self.clip_folder}, first {some}: '
                "check data_root or set data_prefix=dict(clips='...')"
            )
        return [path for path in paths if path is not None]

    def _check_repeated(self, first: dict, second: dict, annotation: dict) -> None:
        """Refuse a clip with two annotations; warn of one that is listed twice."""
        location = place_in(self.ann_file, second['ann_line'])
        for key in annotation:
            if key != 'total_frames' and first[key] != second[key]:
                raise ValueError(
                    f'{location}: expected one {key} for {second["filename"]}, found another than '
                    f'in line {first["ann_line"]}'
                )
        print_log(
            f'{location}: {second["filename"]} is already in line {first["ann_line"]}, and counts '
            'once',
            logger='current',
            level=logging.WARNING,
        )

    def full_init(self) -> None:
        """Read the list, as in MMEngine."""
        if not self._fully_initialized:
            super().full_init()
            self.unreadable.clear(len(self))

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep only some clips, with new numbers, as in MMEngine."""
        super().get_subset_(indices)
        self.unreadable.clear(len(self))

    def get_subset(self, indices: Sequence[int] | int) -> Any:
        """A dataset of some of the clips, with new numbers, as in MMEngine."""
        subset = super().get_subset(indices)
        subset.unreadable.clear(len(subset))
        return subset

    def _copy_without_annotation(self, memo: dict | None = None) -> Any:
        # MMEngine's default is one memo for all copies of a process, in which an object that is
        # gone can stand for a new one at its address.
        return super()._copy_without_annotation({} if memo is None else memo)

    def prepare_data(self, idx: int) -> Any:
        """A clip through the pipeline.

        Raises:
            ClipReadError: if the pipeline fails on it; it names the clip, the list and the line.
        """
        info = self.get_data_info(idx)
        listed = {key: info.get(key) for key in ('filename', 'ann_file', 'ann_line')}
        try:
            if self._unchecked:
                check_clip(info['filename'])
            return self.pipeline(self.set_target(info))
        except (ClipReadError, StaleFileError, *_MISTAKES):
            raise
        except Exception as error:  # MMAction2's decoders raise whatever their libraries raise
            own = isinstance(error, ValueError | OSError)
            reason = str(error) if own else f'{type(error).__name__}: {error}'
            raise clip_error(listed, reason) from error

    def __getitem__(self, index: int) -> dict:
        """A clip through the pipeline, or what `unreadable` gives for one that cannot be read."""
        try:
            return super().__getitem__(index)
        except ClipReadError as error:
            return self.unreadable.substitute(self, index, error)
