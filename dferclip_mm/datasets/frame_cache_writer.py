"""Writing frame features: clip after clip, to be interrupted at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .frame_cache import (
    CLIPS,
    FEATURES,
    IDENTITY,
    Entry,
    FrameCache,
    content_fingerprint,
    plain,
    read_entries,
    stat_fingerprint,
)

_AT_ONCE = 32


class FrameCacheWriter:
    """Adds clips to a folder of frame features; a context manager.

    Args:
        folder: new, or of the same identity.
        identity: what computes the features, with ``width`` and ``dtype``.
        root: the corpus; clips are named by their path below it.

    Raises:
        StaleFeaturesError: when the folder holds features of another identity.
        ValueError: when another process writes there, or the folder holds other files.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any], root: str | Path) -> None:
        self.folder, self.root = Path(folder), Path(root)
        self.identity = plain(identity)
        self.width, self.dtype = self.identity['width'], self.identity['dtype']

    def __enter__(self) -> FrameCacheWriter:
        known = (self.folder / IDENTITY).is_file()
        if not known and self.folder.is_dir() and any(self.folder.iterdir()):
            raise ValueError(f'{self.folder} holds other files: name a new folder as `cache`')
        if known:
            FrameCache(self.folder).require(self.identity)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not known:
            partial = self.folder.with_name(f'{self.folder.name}.{IDENTITY}.partial')
            partial.write_text(json.dumps(self.identity, indent=1))
            partial.replace(self.folder / IDENTITY)
        self._features = (self.folder / FEATURES).open('ab')
        try:
            fcntl.flock(self._features, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._features.close()
            raise ValueError(f'{self.folder}: another process is writing there') from error
        self._clips = (self.folder / CLIPS).open('ab')
        self.entries = read_entries(self.folder)
        self._pending: list[Entry] = []
        self._cut_what_was_interrupted()
        return self

    def _cut_what_was_interrupted(self) -> None:
        listed = (self.folder / CLIPS).read_bytes()
        self._clips.truncate(listed.rfind(b'\n') + 1)
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
        if entry is None:
            return False
        return stat_fingerprint(path) == entry.stat or content_fingerprint(path) == entry.content

    def add(self, path: str, features: np.ndarray) -> None:
        """Add the features of all frames of a clip, (T, D).

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
            stat=stat_fingerprint(path),
            content=content_fingerprint(path),
        )
        self._rows += len(rows)
        self._pending.append(entry)
        if len(self._pending) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """List what was added, after its rows have reached the disk."""
        for file, text in (
            (self._features, ''),
            (self._clips, ''.join(json.dumps(e._asdict()) + '\n' for e in self._pending)),
        ):
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        self.entries.update({entry.clip: entry for entry in self._pending})
        self._pending = []

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self._clips.close()
            self._features.close()
