"""Writing frame features: clip after clip, to be interrupted at any moment."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from .feature_cache import (
    CLIPS,
    FEATURES,
    IDENTITY,
    Entry,
    FrameCache,
    journal,
    plain,
    read_entries,
)
from .fingerprints import ClipState, is_unchanged

_AT_ONCE = 32
_PARTIAL = f'{IDENTITY}.partial'


class FrameCacheWriter:
    """Adds clips to a folder of frame features; a context manager.

    Args:
        folder: new, or of the same identity.
        identity: what computes the features, with ``width`` and ``dtype``.
        root: the corpus; clips are named by their path below it.

    Raises:
        StaleFeaturesError: when the folder holds features of another identity.
        ValueError: when the folder holds other files.
        BlockingIOError: when another process writes there.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any], root: str | Path) -> None:
        self.folder, self.root = Path(folder), Path(root)
        self.identity = plain(identity)
        self.width, self.dtype = self.identity['width'], self.identity['dtype']
        self._journal = journal(self.folder)

    def __enter__(self) -> FrameCacheWriter:
        self._refuse_other_files()
        with ExitStack() as opened:
            opened.enter_context(self._journal.writing())
            # Not before: another process may be deciding what the folder is of.
            if (self.folder / IDENTITY).is_file():
                FrameCache(self.folder).require(self.identity)
            else:
                self._write_identity()
            self.entries = read_entries(self.folder)
            self._features = opened.enter_context((self.folder / FEATURES).open('ab'))
            self._pending: list[Entry] = []
            self._cut_what_was_interrupted()
            self._opened = opened.pop_all()
        return self

    def _refuse_other_files(self) -> None:
        # A kill before the identity was in place leaves empty files, and a part of it.
        other = self.folder.is_dir() and [
            file
            for file in self.folder.iterdir()
            if file.name not in (CLIPS, _PARTIAL) or (file.name == CLIPS and file.stat().st_size)
        ]
        if other and not (self.folder / IDENTITY).is_file():
            raise ValueError(f'{self.folder} holds other files: name a new folder as `cache`')

    def _write_identity(self) -> None:
        partial = self.folder / _PARTIAL
        with partial.open('w', encoding='utf-8') as file:
            json.dump(self.identity, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / IDENTITY)
        # Its name, too, before any row.
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _cut_what_was_interrupted(self) -> None:
        self._rows = max((e.start + e.frames for e in self.entries.values()), default=0)
        size = self._rows * self.width * np.dtype(self.dtype).itemsize
        if os.fstat(self._features.fileno()).st_size < size:
            raise ValueError(
                f'{self.folder / FEATURES} is shorter than {CLIPS} says: delete the folder and '
                'begin again'
            )
        self._features.truncate(size)
        self._features.seek(size)

    def name(self, path: str) -> str:
        """What a clip is called in the cache."""
        whole, root = Path(path).absolute(), self.root.absolute()
        return (whole.relative_to(root) if root in whole.parents else whole).as_posix().lstrip('/')

    def holds(self, path: str) -> bool:
        """Whether a clip is there, computed from the files that are there now."""
        entry = self.entries.get(self.name(path))
        return entry is not None and is_unchanged(path, ClipState(entry.stat, entry.content))

    def add(self, path: str, features: np.ndarray, state: ClipState) -> None:
        """Add the features of all frames of a clip.

        Args:
            path: of the clip.
            features: (T, D).
            state: of its files when they were decoded, not now: they may have changed since.

        Raises:
            ValueError: when they are not finite in the type that is stored.
        """
        rows = np.ascontiguousarray(features, dtype=self.dtype)
        if rows.ndim != 2 or rows.shape[1] != self.width or not np.isfinite(rows).all():
            raise ValueError(
                f'{path}: expected finite features (T, {self.width}), found {rows.shape}, '
                f'{int((~np.isfinite(rows)).sum())} of them not finite as {self.dtype}'
            )
        data = rows.tobytes()
        self._features.write(data)
        entry = Entry(
            clip=self.name(path),
            start=self._rows,
            frames=len(rows),
            checksum=zlib.crc32(data),
            stat=state.stat,
            content=state.content,
        )
        self._rows += len(rows)
        self._pending.append(entry)
        if len(self._pending) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """List what was added, after its rows have reached the disk."""
        self._features.flush()
        os.fsync(self._features.fileno())
        self._journal.append(self._pending)
        self.entries.update({entry.clip: entry for entry in self._pending})
        self._pending = []

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self.flush()
