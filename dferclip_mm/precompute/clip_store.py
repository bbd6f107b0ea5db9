"""One folder with one safetensors file for each clip, and the clip's identity in the file.

A file appears under its name only when it is complete, so the files that exist are the index. A
killed program is started again and writes what is missing.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..files import TEMPORARY, atomic_write
from ..media.errors import StaleFileError
from ..media.packed import PACKED_SUFFIX
from .source_clips import SourceClip, SourceState

# Network folders answer many requests at a time.
_THREADS = 16
_ADVICE = 'choose another folder, or delete this file'


class ClipStore:
    """A folder of files computed from clips.

    Args:
        folder: created when the first file is written.
        file_format: what the files hold.
        identity: of the computation (model, steps), as JSON values.
    """

    def __init__(
        self, folder: str | Path, file_format: str, identity: Mapping[str, Any] | None = None
    ) -> None:
        self.folder, self.format = Path(folder), file_format
        # As JSON gives it back: no tuples, no classes of a config.
        self.identity: dict[str, Any] = json.loads(json.dumps(identity or {}))

    def file(self, name: str) -> Path:
        """The file of a clip."""
        return self.folder / f'{name}{PACKED_SUFFIX}'

    def is_current(self, name: str, path: str) -> bool:
        """Whether a clip's file exists and was computed from the clip as it is now.

        Raises:
            StaleFileError: when it was computed by something else, or from another clip.
            ValueError: when it is damaged.
        """
        file = self.file(name)
        if not file.is_file():
            return False
        with open_tensors(file) as opened:
            metadata = opened.metadata() or {}
        identity = json.loads(metadata.get('identity', '{}'))
        found = {'format': metadata.get('format'), **identity}
        _check_identity(file, found, {'format': self.format, **self.identity})
        source = SourceState(*json.loads(metadata['source']))
        if source.matches(path):
            return True
        if source.path != path:
            raise StaleFileError(f'{file} was computed from {source.path}, not {path}: {_ADVICE}')
        return False

    def find_outdated(
        self, clips: Sequence[SourceClip], progress: Callable[[Iterable], Iterable] = iter
    ) -> list[SourceClip]:
        """The clips that are not current, see `is_current`."""
        with ThreadPoolExecutor(_THREADS) as pool:
            current = progress(pool.map(lambda clip: self.is_current(clip.name, clip.path), clips))
            return [clip for clip, found in zip(clips, current, strict=True) if not found]

    def write(self, name: str, tensors: Mapping[str, np.ndarray], source: SourceState) -> None:
        """Write a clip's file; ``source`` is the clip's state before it was read."""
        metadata = {
            'format': self.format,
            'identity': json.dumps(self.identity),
            'source': json.dumps(source),
        }
        own = f'.{socket.gethostname()}-{os.getpid()}{TEMPORARY}'
        atomic_write(self.file(name), save(dict(tensors), metadata), own)


@contextmanager
def open_tensors(file: Path) -> Iterator[Any]:
    """A safetensors file, open for reading; a ValueError says that it is damaged or cut short."""
    try:
        with safe_open(file, 'np') as opened:
            yield opened
    except SafetensorError as error:
        raise ValueError(f'{file} is damaged ({error}): delete it, and compute it again') from error


def _check_identity(file: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a file of another model or other steps; the StaleFileError names what differs."""
    differ = '; '.join(
        f'{key}: expected {value!s:.160}, found {found.get(key)!s:.160}'
        for key, value in sorted(expected.items())
        if found.get(key) != value
    )
    if differ:
        raise StaleFileError(f'{file} is of another computation ({differ}): {_ADVICE}')
