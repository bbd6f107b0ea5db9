"""Packing a data set's clips: what is to be written, writing it so that it may be cut off, checks.

The folder holds one file for each clip, named as the lists name it, and ``packed.jsonl``, a line
for each clip: its file is put in place whole, and the line is written after that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .clips import PACKED_SUFFIX, VIDEO_SUFFIXES
from .frame_cache import stat_fingerprint
from .transforms import ClipReadError, OpenClip
from .transforms.image import FrameFolder
from .transforms.packed import write_packed

INDEX = 'packed.jsonl'
_PARTIAL = '.partial'


class PlannedClip(NamedTuple):
    """A clip that is to be packed: its name in the pack, and how many bytes its frames take."""

    name: str
    path: str
    frames: int
    bytes: int


def name_clips(datasets: Iterable[Any]) -> dict[str, str]:
    """Name in the pack -> path, of all clips of some data sets, each once.

    Raises:
        ValueError: when two clips would have one name, or a clip lies outside of its data set.
    """
    named: dict[str, str] = {}
    for dataset in datasets:
        for number in range(len(dataset)):
            path = Path(dataset.get_data_info(number)['filename'])
            base = next(
                (b for b in (dataset.clip_folder, dataset.root) if path.is_relative_to(b)), None
            )
            if base is None:
                raise ValueError(f'{path} lies outside of {dataset.root}: it has no name in a pack')
            below = path.relative_to(base)
            stem = below.with_suffix('') if path.suffix.lower() in VIDEO_SUFFIXES else below
            name = f'{(below if path.is_dir() else stem).as_posix()}{PACKED_SUFFIX}'
            if named.setdefault(name, str(path)) != str(path):
                raise ValueError(f'{named[name]} and {path} would both be packed as {name}')
    return named


def read_clip(path: str) -> Iterator[np.ndarray]:
    """All frames of a clip as they decode, uint8 RGB (H, W, 3), one after another.

    Raises:
        ClipReadError: when one cannot be read.
    """
    opened = OpenClip()(dict(filename=path))
    assert isinstance(opened, dict)
    reader = opened.get('clip_reader') or FrameFolder(opened['frame_paths'])
    try:
        for number in range(len(reader)):
            yield reader.read(number)
    except (ValueError, OSError) as error:
        raise ClipReadError(f'{path}: {error}') from error
    finally:
        reader.close()


def plan_clip(name: str, path: str) -> PlannedClip:
    """How large a clip will be, by its number of frames and the first one's size.

    Raises:
        ClipReadError: when it cannot be read.
    """
    opened = OpenClip()(dict(filename=path))
    assert isinstance(opened, dict)
    if 'clip_reader' in opened:
        opened['clip_reader'].close()
    frames = read_clip(path)
    size = next(frames).nbytes
    frames.close()  # type: ignore[attr-defined]
    total = opened['total_frames']
    # Its name, place and checksum in the header.
    return PlannedClip(name, path, total, total * (size + 120))


class PackedFolder:
    """A folder of packed clips, for writing and checking.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, dict[str, Any]] = {}
        index = folder / INDEX
        if index.is_file():
            # A last line without its end was cut off: its clip is packed again.
            for line in index.read_text(encoding='utf-8').splitlines(keepends=True):
                if line.endswith('\n'):
                    entry = json.loads(line)
                    self.entries[entry['clip']] = entry

    def is_done(self, name: str, path: str) -> bool:
        """Whether a clip is packed, and its source has not changed since."""
        entry, packed = self.entries.get(name), self.folder / name
        return (
            entry is not None
            and packed.is_file()
            and packed.stat().st_size == entry['bytes']
            and entry['source'] == stat_fingerprint(path)
        )

    def require_space(self, needed: int) -> None:
        """Refuse to begin what the disk cannot hold.

        Raises:
            OSError: naming what is needed and what is free.
        """
        here = next(
            path for path in (self.folder, *self.folder.absolute().parents) if path.exists()
        )
        free = shutil.disk_usage(here).free
        if needed > free:
            raise OSError(
                f'{self.folder}: about {needed / 2**30:.3g} GiB are needed and '
                f'{free / 2**30:.3g} GiB are free: choose another folder'
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other packers out of the folder.

        Raises:
            BlockingIOError: when one is at work.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / INDEX).open('a+b') as index:
            try:
                fcntl.flock(index, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(
                    f'{self.folder} is being written by another process'
                ) from None
            index.seek(0)
            index.truncate(index.read().rfind(b'\n') + 1)
            self._index = index
            yield

    def add(self, name: str, path: str) -> None:
        """Pack one clip, within :meth:`writing`; whole or not at all.

        Raises:
            ClipReadError: when it cannot be read.
            OSError: when it cannot be written.
        """
        source = stat_fingerprint(path)
        packed = self.folder / name
        packed.parent.mkdir(parents=True, exist_ok=True)
        partial_file = packed.with_name(packed.name + _PARTIAL)
        try:
            frames = write_packed(partial_file, read_clip(path))
            with partial_file.open('rb+') as file:
                os.fsync(file.fileno())
            digest, size = sha256(partial_file), partial_file.stat().st_size
            partial_file.replace(packed)
        finally:
            partial_file.unlink(missing_ok=True)
        entry = dict(clip=name, source=source, frames=frames, bytes=size, sha256=digest)
        self._index.write(json.dumps(entry, ensure_ascii=False).encode() + b'\n')
        self._index.flush()
        os.fsync(self._index.fileno())
        self.entries[name] = entry

    def verify(self, clips: Mapping[str, str]) -> Iterator[str]:
        """What is wrong with each of ``clips`` (name -> source), every byte read; '' if nothing."""
        for name, path in clips.items():
            entry, packed = self.entries.get(name), self.folder / name
            if entry is None or not packed.is_file():
                yield f'{name}: not packed'
            elif packed.stat().st_size != entry['bytes'] or sha256(packed) != entry['sha256']:
                yield f'{name}: altered or cut short'
            elif Path(path).exists() and stat_fingerprint(path) != entry['source']:
                yield f'{name}: stale, {path} has changed since'
            else:
                yield ''


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        for block in iter(partial(file.read, 1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
