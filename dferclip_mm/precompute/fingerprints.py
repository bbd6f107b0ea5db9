"""Fingerprints: of settings, and of the files of a clip that something was computed from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..media.errors import ClipReadError
from ..media.images import list_frames


class ClipState(NamedTuple):
    """A clip's files at one moment, see `stat_fingerprint` and `content_fingerprint`."""

    stat: str
    content: str


def fingerprint(settings: Mapping[str, Any]) -> str:
    """64 bits of a SHA-256 over settings, in hexadecimal."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def clip_files(path: str) -> list[Path]:
    """The files that a clip consists of: a folder's images, or the video itself."""
    return [Path(name) for name in list_frames(path)] if Path(path).is_dir() else [Path(path)]


def stat_fingerprint(path: str) -> str:
    """A clip's files by name, size and time of change."""
    stats = [(file.name, file.stat()) for file in clip_files(path)]
    return fingerprint({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats})


def content_fingerprint(path: str) -> str:
    """A clip's files by name and bytes; the name of a video does not count."""
    digest = hashlib.sha256()
    files = clip_files(path)
    for file in files:
        data = file.read_bytes()
        name = file.name if len(files) > 1 else ''
        digest.update(f'{name}\0{len(data)}\0'.encode(errors='surrogateescape') + data)
    return digest.hexdigest()[:16]


def is_unchanged(path: str, state: ClipState) -> bool:
    """Whether a clip is what it was; a copy of it with other times is.

    As Git does it, names, sizes and times come first; where those differ, the bytes decide.

    Raises:
        OSError: when its files are not there.
    """
    return stat_fingerprint(path) == state.stat or content_fingerprint(path) == state.content


@contextmanager
def held_still(path: str) -> Iterator[ClipState]:
    """The state of a clip that is read inside the block, so that the two belong together.

    Raises:
        ClipReadError: when its files are not there, or were changed meanwhile.
    """
    try:
        # The times first: a change while the bytes are read is then seen at the end.
        state = ClipState(stat_fingerprint(path), content_fingerprint(path))
    except OSError as error:
        raise ClipReadError(f'{path}: {error}') from error
    yield state
    try:
        after = stat_fingerprint(path)
    except OSError as error:
        raise ClipReadError(f'{path}: {error}') from error
    if after != state.stat:
        raise ClipReadError(f'{path} was changed while it was read: start the program again')
