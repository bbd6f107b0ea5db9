"""Packing a data set's clips: what is to be written, writing it so that it may be cut off, checks.

The folder holds one file for each clip, named as the lists name it, and ``packed.jsonl``, a line
for each clip: its file is put in place whole, and the line is written after that.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..media.errors import ClipReadError
from ..media.packed import PACKED_SUFFIX, write_packed
from ..media.videos import VIDEO_SUFFIXES
from ..transforms.clip_opener import ClipOpener, opened_clip
from .fingerprints import ClipState, held_still, is_unchanged
from .journal import Journal

INDEX = 'packed.jsonl'
_PARTIAL = '.partial'


class PlannedClip(NamedTuple):
    """A clip that is to be packed: its name in the pack, and how many bytes its frames take."""

    name: str
    path: str
    frames: int
    bytes: int


class PackedEntry(NamedTuple):
    """A clip in the pack: what its file is, and what it was made from."""

    clip: str
    frames: int
    bytes: int
    sha256: str
    stat: str
    content: str


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


def openers_of(datasets: Iterable[Any], pipelines: Iterable[Any]) -> dict[str, ClipOpener]:
    """Path -> what opens that clip, of all clips of some data sets.

    Args:
        datasets: as for `name_clips`.
        pipelines: of each, as in the config.
    """
    openers: dict[str, ClipOpener] = {}
    for dataset, pipeline in zip(datasets, pipelines, strict=True):
        opener = ClipOpener(dataset.guard, pipeline)
        for number in range(len(dataset)):
            openers.setdefault(dataset.get_data_info(number)['filename'], opener)
    return openers


def read_clip(path: str, opener: ClipOpener | None = None) -> Iterator[np.ndarray]:
    """All frames of a clip as they decode, uint8 RGB (H, W, 3), one after another.

    Args:
        path: of the clip.
        opener: of its data set; None: one's own clip, which no root is given for.

    Raises:
        ClipReadError: when one cannot be read.
    """
    with opened_clip(dict(filename=path), opener or ClipOpener(None)) as (_, reader):
        try:
            for number in range(len(reader)):
                yield reader.read(number)
        except (ValueError, OSError) as error:
            raise ClipReadError(f'{path}: {error}') from error


def plan_clip(name: str, path: str, opener: ClipOpener) -> PlannedClip:
    """How large a clip will be, by its number of frames and the first one's size.

    Raises:
        ClipReadError: when it cannot be read.
    """
    with opened_clip(dict(filename=path), opener) as (_, reader):
        total = len(reader)
        try:
            size = reader.read(0).nbytes
        except (ValueError, OSError) as error:
            raise ClipReadError(f'{path}: {error}') from error
    # Its name, place and checksum in the header.
    return PlannedClip(name, path, total, total * (size + 120))


class PackedFolder:
    """A folder of packed clips, for writing and checking.

    Args:
        folder: made where it is missing.
        openers: path -> what opens that clip, see `openers_of`.

    Raises:
        ValueError: naming a line of its index that is not one.
    """

    def __init__(self, folder: Path, openers: Mapping[str, ClipOpener]) -> None:
        self.folder, self._openers = folder, openers
        self._index = Journal(folder / INDEX, PackedEntry)
        self._read_index()

    def is_done(self, name: str, path: str) -> bool:
        """Whether a clip is packed, and its source is still what it was.

        Raises:
            ClipReadError: when the source may not be read.
        """
        entry, packed = self.entries.get(name), self.folder / name
        return (
            entry is not None
            and packed.is_file()
            and packed.stat().st_size == entry.bytes
            and self._is_of(entry, path)
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other packers out of the folder.

        Raises:
            BlockingIOError: when one is at work.
        """
        with self._index.writing():
            # Another one may have been at work since.
            self._read_index()
            yield

    def add(self, name: str, path: str) -> None:
        """Pack one clip, within :meth:`writing`; whole or not at all.

        Raises:
            ClipReadError: when it cannot be read, or is changed meanwhile.
            OSError: when it cannot be written.
        """
        opener = self.opener(path)
        # Before its bytes are hashed.
        opener.look(dict(filename=path))
        packed = self.folder / name
        packed.parent.mkdir(parents=True, exist_ok=True)
        partial_file = packed.with_name(packed.name + _PARTIAL)
        try:
            with held_still(path) as state:
                frames = write_packed(partial_file, read_clip(path, opener))
            with partial_file.open('rb+') as file:
                os.fsync(file.fileno())
            digest, size = sha256(partial_file), partial_file.stat().st_size
            partial_file.replace(packed)
        finally:
            partial_file.unlink(missing_ok=True)
        entry = PackedEntry(name, frames, size, digest, *state)
        self._index.append([entry])
        self.entries[name] = entry

    def verify(self, clips: Mapping[str, str]) -> Iterator[str]:
        """What is wrong with each of ``clips`` (name -> source), every byte read; '' if nothing."""
        for name, path in clips.items():
            entry, packed = self.entries.get(name), self.folder / name
            if entry is None or not packed.is_file():
                yield f'{name}: not packed'
            elif packed.stat().st_size != entry.bytes or sha256(packed) != entry.sha256:
                yield f'{name}: altered or cut short'
            else:
                yield self._staleness(entry, path)

    def opener(self, path: str) -> ClipOpener:
        """What opens the clip at a path."""
        return self._openers[path]

    def _read_index(self) -> None:
        # A clip that was packed twice counts as it was packed last.
        self.entries = {entry.clip: entry for entry in self._index.read()}

    def _staleness(self, entry: PackedEntry, path: str) -> str:
        try:
            same = self._is_of(entry, path)
        except ClipReadError as error:
            return f'{entry.clip}: {error}'
        return '' if same else f'{entry.clip}: stale, {path} has changed since'

    def _is_of(self, entry: PackedEntry, path: str) -> bool:
        """Whether a clip was packed from this source; one that was deleted since says nothing."""
        if not Path(path).exists():
            return True
        self.opener(path).look(dict(filename=path))
        return is_unchanged(path, ClipState(entry.stat, entry.content))


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        for block in iter(partial(file.read, 1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
