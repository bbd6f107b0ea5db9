"""Features of every frame of many clips in one folder: what they are of, and where each clip is.

``identity.json`` says what computed them, ``features.bin`` holds the rows of one clip after
another, and ``clips.jsonl`` a line for each clip. A line is written after its rows have reached the
disk, so that the folder is whole at any moment: what has no line does not exist.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .fingerprints import (
    ClipState,
    clip_files,
    content_fingerprint,
    fingerprint,
    is_unchanged,
)
from .journal import Journal

IDENTITY, CLIPS, FEATURES = 'identity.json', 'clips.jsonl', 'features.bin'
DTYPES = ('float32', 'float16')
_SHOWN = 160


class StaleFeaturesError(ValueError):
    """Stored features that are not of what is asked for; never a reason to take another clip."""


class Entry(NamedTuple):
    """A clip in the cache: where its rows are, and what it was computed from."""

    clip: str
    start: int
    frames: int
    checksum: int
    stat: str
    content: str


def plain(value: Any) -> Any:
    """A setting as JSON gives it back: no tuples, no classes of a config."""
    return json.loads(json.dumps(value, sort_keys=True))


class FrameCache:
    """A folder of frame features, for reading.

    Args:
        folder: where `tools/cache_frames.py` has put them.

    Raises:
        FileNotFoundError: when there are none.
        ValueError: when the folder holds something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / IDENTITY).is_file():
            raise FileNotFoundError(
                f'no frame features in {folder} (no {IDENTITY}): run tools/cache_frames.py with '
                'this config'
            )
        try:
            self.identity: dict = json.loads((self.folder / IDENTITY).read_text())
            self.width, self.dtype = int(self.identity['width']), self.identity['dtype']
            self.entries = read_entries(self.folder)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{folder} does not hold frame features ({type(error).__name__}: {error}): delete '
                'it and run tools/cache_frames.py again'
            ) from error

    def require(self, expected: Mapping[str, Any]) -> None:
        """Refuse features that were computed by something else.

        Args:
            expected: parts of an identity (``weights``, ``pixels``, …), as the run has them.

        Raises:
            StaleFeaturesError: naming both fingerprints, and what differs.
        """
        parts = {key: plain(value) for key, value in expected.items()}
        other = {key for key, value in parts.items() if self.identity.get(key) != value}
        if other:
            told = '; '.join(
                f'{key}: stored are features of {_short(self.identity.get(key))}, '
                f'expected {_short(parts[key])}'
                for key in sorted(other)
            )
            raise StaleFeaturesError(
                f'{self.folder} (fingerprint {fingerprint(self.identity)}) is stale for this run '
                f'(fingerprint {fingerprint({**self.identity, **parts})}): {told}. Undo the '
                'change, or run tools/cache_frames.py with another folder as `cache`'
            )

    def find(self, path: str) -> Entry | None:
        """The clip at `path`, by as many of the path's last parts as the cache names.

        The corpus may have moved since; `check` sees that its files are the same.
        """
        parts = Path(path).parts
        names = ('/'.join(parts[start:]).lstrip('/') for start in range(len(parts)))
        return next((self.entries[name] for name in names if name in self.entries), None)

    def check(self, entry: Entry, path: str) -> None:
        """Refuse the features of a clip whose files have changed.

        A copy with other times is the same clip.

        Raises:
            StaleFeaturesError: naming both fingerprints.
        """
        if not is_unchanged(path, ClipState(entry.stat, entry.content)):
            raise StaleFeaturesError(
                f'{path} is not the clip whose features {self.folder} holds: its '
                f'{len(clip_files(path))} files have the fingerprint {content_fingerprint(path)}, '
                f'those of the {entry.frames} stored frames had {entry.content}; run '
                'tools/cache_frames.py again, which computes changed clips anew'
            )

    def read(self, entry: Entry) -> np.ndarray:
        """The features of all frames of a clip, (T, D) float32.

        Raises:
            ValueError: when the rows on the disk are damaged.
        """
        count = entry.frames * self.width
        offset = entry.start * self.width * np.dtype(self.dtype).itemsize
        rows = np.fromfile(self.folder / FEATURES, self.dtype, count, offset=offset)
        if rows.size != count or zlib.crc32(rows.tobytes()) != entry.checksum:
            raise ValueError(
                f'{self.folder / FEATURES}: the features of {entry.clip} are damaged (checksum): '
                'delete the folder and run tools/cache_frames.py again'
            )
        return rows.reshape(entry.frames, self.width).astype(np.float32)


def journal(folder: Path) -> Journal[Entry]:
    """The list of the clips that a cache holds."""
    return Journal(folder / CLIPS, Entry)


def read_entries(folder: Path) -> dict[str, Entry]:
    """The clips that are listed, by name; one that was computed twice counts as it was last.

    Raises:
        ValueError: naming a line that lists none.
    """
    return {entry.clip: entry for entry in journal(folder).read()}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'
