"""Image files: the pixels of one, as Pillow would give them."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, BinaryIO

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
# Orientation tags are ignored, as by the loaders of DFER-CLIP and EmoCLIP: Pillow's convert('RGB').
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'
# By its header; OpenCV would take 64 times as many.
MAX_PIXELS = 4096 * 4096


# Frames have the same names in many clips.
@lru_cache(maxsize=4096)
def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key that orders ``2`` before ``10``, as people number frames and clips."""
    parts: list[str | int] = [
        int(part) if index % 2 else part for index, part in enumerate(re.split('([0-9]+)', name))
    ]
    return parts, name


def list_frames(folder: str) -> list[str]:
    """Paths of a folder's images in natural order (1, 2, 10), hidden and other files left out."""
    with os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if entry.name.lower().endswith(IMAGE_SUFFIXES)
            and not entry.name.startswith('.')
            and entry.is_file()
        ]
    return [f'{folder}{os.sep}{name}' for name in sorted(names, key=natural_key)]


def list_numbered_frames(clip: Mapping[str, Any]) -> list[str]:
    """Paths of the frames of a clip that MMAction2's ``RawframeDataset`` lists.

    There are ``total_frames`` (default: all images of the folder); the first one's number is
    ``start_index`` (1) plus ``offset`` (0).
    """
    folder = clip['frame_dir']
    total = clip.get('total_frames') or len(list_frames(folder))
    first = clip.get('start_index', 1) + clip.get('offset', 0)
    names = map(clip['filename_tmpl'].format, range(first, first + total))
    return [f'{folder}{os.sep}{name}' for name in names]


def check_frames(frames: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames of a clip in memory: uint8 RGB (T, H, W, 3), a list, or one picture (H, W, 3).

    Raises:
        ValueError: if they are something else.
    """
    pictures = [frames] if isinstance(frames, np.ndarray) and frames.ndim == 3 else frames
    checked = [np.asarray(picture) for picture in pictures]
    kinds = {(frame.shape, frame.dtype) for frame in checked}
    found = sorted(
        f'{shape} {dtype}'
        for shape, dtype in kinds
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3
    )
    if found or not checked:
        raise ValueError(
            'expected an array of uint8 RGB frames, (T, H, W, 3) or (H, W, 3), found '
            f'{" and ".join(found) or "no frames"}'
        )
    return checked


class FrameList:
    """The frames of a clip that are image files, by their paths, or in memory."""

    def __init__(self, frames: Sequence[str | np.ndarray]) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index``, (H, W, 3); see :func:`read_image`."""
        frame = self.frames[index]
        return read_image(frame, buffer) if isinstance(frame, str) else frame

    def close(self) -> None:
        """Nothing stays open."""


def read_image(path: str, buffer: np.ndarray | None = None) -> np.ndarray:
    """An image file as a uint8 RGB array (H, W, 3), in the memory of ``buffer`` where that fits.

    Raises:
        ValueError: when it is empty, damaged or cut short.
        OSError: when it cannot be read.
    """
    with open(path, 'rb', buffering=0) as file:  # noqa: PTH123  half the time of Path's
        data = file.read()
    if not data:
        raise ValueError(f'{path} is empty')
    if data.startswith(_JPEG_START):
        # OpenCV fills the missing part of a cut JPEG with grey and only prints a line.
        if _JPEG_END not in data[-1024:]:
            raise ValueError(f'{path} is cut short')
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        except ValueError:
            colours = 'unknown'
        # What is rarer has no conversion to RGB there.
        if colours in ('YCbCr', 'RGB', 'Gray') and height * width <= MAX_PIXELS:
            if buffer is not None and buffer.shape != (height, width, 3):
                buffer = None
            try:
                return simplejpeg.decode_jpeg(data, buffer=buffer)
            except ValueError as error:
                raise ValueError(f'{path} does not decode: {error}') from error
    _check_size(path, io.BytesIO(data))
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise ValueError(f'{path} does not decode: {error.err}') from error
    if image is None:
        raise ValueError(f'{path} does not decode')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def has_orientation(path: str) -> bool:
    """Whether an image file's EXIF orientation asks for a turn or flip; `read_image` ignores it."""
    try:
        with Image.open(path) as image:
            # Pillow would decode a whole PNG to look behind its pixels.
            exif = image.getexif() if image.format != 'PNG' or 'exif' in image.info else {}
            return exif.get(ExifTags.Base.Orientation) in range(2, 9)
    except Exception:  # whatever Pillow's readers raise on damaged tags
        return False


def _check_size(path: str, file: BinaryIO) -> None:
    """Refuse an image that is too large by its header, or has none that can be read."""
    try:
        with Image.open(file) as image:
            width, height = image.size
    except Exception as error:  # whatever Pillow's readers raise on a damaged header
        raise ValueError(f'{path} does not decode: {error}') from error
    if width * height > MAX_PIXELS:
        raise ValueError(
            f'{path} has {width} x {height} pixels by its header, expected at most {MAX_PIXELS}: '
            'scale it to what a face needs'
        )
