"""Packed clips: the decoded frames of one clip in one safetensors file, each read on its own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .images import MAX_PIXELS

# What tools/pack_dataset.py writes: a clip's frames, decoded.
PACKED_SUFFIX = '.safetensors'
_FORMAT = 'dferclip_mm packed clip 1'


def is_packed(path: str) -> bool:
    """Whether a path is a packed clip's, by its suffix: nothing is executed or fetched by one."""
    return path.endswith(PACKED_SUFFIX)


class PackedClip:
    """The frames of a packed clip, each checked against its checksum as it is read.

    Args:
        path: of the file.
        max_pixels: the most that a frame may have.

    Raises:
        ValueError: when the file is no packed clip, or was cut or altered.
        OSError: when it cannot be read.
    """

    def __init__(self, path: str, max_pixels: int = MAX_PIXELS) -> None:
        with Path(path).open('rb'):
            pass  # The library's own error has no error number.
        try:
            self._file: Any = safe_open(path, 'np').__enter__()
        except (SafetensorError, OSError) as error:
            raise ValueError(f'expected a packed clip, found a damaged file: {error}') from error
        sums = _sums(self._file.metadata() or {})
        if not sums or sorted(self._file.keys()) != [_name(n) for n in range(len(sums))]:
            self.close()
            raise ValueError(
                f'expected a packed clip of the format {_FORMAT!r}, found another file'
            )
        self._sums, self._max_pixels = sums, max_pixels

    def __len__(self) -> int:
        return len(self._sums)

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index``, uint8 RGB (H, W, 3).

        Raises:
            ValueError: when it was altered, or is too large by the file's header.
        """
        try:
            header = self._file.get_slice(_name(index))
            shape = header.get_shape()
            if math.prod(shape) > 3 * self._max_pixels:
                raise ValueError(
                    f'expected frames of at most {self._max_pixels} pixels, found one of the shape '
                    f'{shape} by its header: scale the clip down or raise max_pixels'
                )
            whole = header.get_dtype() == 'U8' and len(shape) == 3 and shape[2] == 3
            image = self._file.get_tensor(_name(index)) if whole else None
        except SafetensorError as error:
            raise ValueError(f'frame {index} is damaged: {error}') from error
        if image is None or _checksum(image) != self._sums[index]:
            raise ValueError(f'frame {index} was altered: pack this clip again')
        return image

    def close(self) -> None:
        """Close the file."""
        self._file.__exit__(None, None, None)


def write_packed(path: Path, frames: Iterable[np.ndarray]) -> int:
    """Write uint8 RGB frames (H, W, 3), which may differ in size; returns how many there were.

    Raises:
        OSError: when the disk is full or the folder is not to be written in.
    """
    tensors = {_name(n): np.ascontiguousarray(frame) for n, frame in enumerate(frames)}
    sums = [_checksum(frame) for frame in tensors.values()]
    try:
        save_file(tensors, path, metadata={'format': _FORMAT, 'sums': json.dumps(sums)})
    except SafetensorError as error:
        raise OSError(f'{path} cannot be written: {error}') from error
    return len(sums)


def _sums(known: dict[str, str]) -> list[int]:
    """The checksums in a file's metadata; none where they are no whole numbers."""
    try:
        sums = json.loads(known['sums']) if known.get('format') == _FORMAT else []
    except (KeyError, ValueError, RecursionError):
        return []
    # Not isinstance: True is a number to it.
    return sums if isinstance(sums, list) and all(type(each) is int for each in sums) else []


def _checksum(image: np.ndarray) -> int:
    """The sum of a frame's 64-bit words: a CRC would take a fifth of the loading."""
    content = image.reshape(-1)
    whole = content.size // 8 * 8
    words = content[:whole].view(np.uint64).sum(dtype=np.uint64)
    return (int(words) + int(content[whole:].sum())) % (1 << 64)


def _name(index: int) -> str:
    return f'{index:06d}'
