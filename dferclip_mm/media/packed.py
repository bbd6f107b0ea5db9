"""Packed clips: the decoded frames of one clip in one safetensors file, each read on its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from .images import MAX_PIXELS

# What tools/pack_dataset.py writes: a clip's frames, decoded.
PACKED_SUFFIX = '.safetensors'
FORMAT = 'dferclip_mm packed clip 2'


def is_packed(path: str) -> bool:
    """Whether a path is a packed clip's, by its suffix."""
    return path.endswith(PACKED_SUFFIX)


def name_frames(frames: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a packed clip from uint8 RGB frames (H, W, 3), which may differ in size."""
    return {_name(number): np.ascontiguousarray(frame) for number, frame in enumerate(frames)}


class PackedClip:
    """The frames of a packed clip.

    The size of the file is checked against its header when it is opened. Pixels have no checksum.

    Args:
        path: of the file.
        max_pixels: the most that a frame may have.

    Raises:
        ValueError: when the file is not a packed clip, is cut short, or has a damaged header.
        OSError: when it cannot be read.
    """

    def __init__(self, path: str, max_pixels: int = MAX_PIXELS) -> None:
        with Path(path).open('rb'):
            pass  # The library's own error has no error number.
        try:
            self._file: Any = safe_open(path, 'np').__enter__()
        except (SafetensorError, OSError) as error:
            raise ValueError(f'expected a packed clip, found a damaged file: {error}') from error
        names = sorted(self._file.keys())
        known = (self._file.metadata() or {}).get('format') == FORMAT
        if not (known and names and names == [_name(n) for n in range(len(names))]):
            self.close()
            raise ValueError(f'expected a packed clip of the format {FORMAT!r}, found another file')
        self._frames, self._max_pixels = len(names), max_pixels

    def __len__(self) -> int:
        return self._frames

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index``, uint8 RGB (H, W, 3); a ValueError where it is none, or too large."""
        header = self._file.get_slice(_name(index))
        shape = header.get_shape()
        if math.prod(shape) > 3 * self._max_pixels:
            raise ValueError(
                f'expected frames of at most {self._max_pixels} pixels, found one of the shape '
                f'{shape} by its header: scale the clip down or raise max_pixels'
            )
        if header.get_dtype() != 'U8' or len(shape) != 3 or shape[2] != 3:
            raise ValueError(
                f'expected frames of the shape (H, W, 3) in U8, found {shape} in '
                f'{header.get_dtype()}: pack this clip again'
            )
        return self._file.get_tensor(_name(index))

    def close(self) -> None:
        """Close the file."""
        self._file.__exit__(None, None, None)


def _name(index: int) -> str:
    return f'{index:06d}'
