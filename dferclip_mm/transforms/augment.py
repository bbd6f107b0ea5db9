"""Brightness and rotation, one draw for all frames of a clip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from .resize import as_array

_LEVELS = np.arange(256, dtype=np.uint8)


def brighten_frames(
    frames: np.ndarray, factor: float, *, out: np.ndarray | None = None
) -> np.ndarray:
    """Every value times ``factor``, cut to 0-255 and to whole levels: Pillow's blend with black.

    Shapes: uint8 (T, H, W, 3) -> the same; ``out``, contiguous, takes the result and may be
    ``frames``.
    """
    table = np.clip(_LEVELS * np.float32(factor), 0, 255).astype(np.uint8)
    # OpenCV multiplies three times faster than it looks up, but rounds: nearly half a level less
    # cuts instead, except where a product lies just below a whole level.
    scale = dict(alpha=factor, beta=-0.49999)
    exact = np.array_equal(cv2.convertScaleAbs(_LEVELS, **scale).ravel(), table)
    brightened = np.empty(frames.shape, np.uint8) if out is None else out
    # Frame by frame: a crop is a view and need not be copied first.
    for frame, target in zip(frames, brightened, strict=True):
        if exact:
            cv2.convertScaleAbs(frame, dst=target, **scale)
        else:
            cv2.LUT(frame, table, dst=target)
    return brightened


def rotate_frames(
    frames: np.ndarray, degrees: float, fill: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Frames rotated counter-clockwise about their centre, nearest pixel, corners in ``fill``.

    The result is Pillow's to the pixel: like there, the source position of each pixel's centre is
    summed in steps of 1/65536 pixel. Shapes: uint8 (T, H, W, 3) -> the same.
    """
    height, width = frames.shape[1:3]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]

    def source(along_x: float, along_y: float, centre: float) -> np.ndarray:
        first = along_x * (0.5 - width / 2) + along_y * (0.5 - height / 2) + centre
        start, dx, dy = (math.floor(v * 65536 + 0.5) for v in (first, along_x, along_y))
        return (start + dx * x + dy * y) >> 16

    positions = np.stack([source(cos, -sin, width / 2), source(sin, cos, height / 2)], axis=-1)
    positions = positions.astype(np.int16)
    border: Any = dict(borderMode=cv2.BORDER_CONSTANT, borderValue=tuple(fill))
    nearest = cv2.INTER_NEAREST
    return np.stack([cv2.remap(frame, positions, None, nearest, **border) for frame in frames])


@TRANSFORMS.register_module()
class ClipBrightness(BaseTransform):
    """Multiply all frames by one random factor (DFER-CLIP's training on DFEW).

    Args:
        factor_range: (least, greatest) factor; the distribution is uniform.

    Raises:
        ValueError: if the range is not increasing, or negative.
    """

    def __init__(self, factor_range: tuple[float, float] = (0.5, 1.5)) -> None:
        low, high = factor_range
        if not 0 <= low <= high:
            raise ValueError(f'expected 0 <= least <= greatest, found factor_range=({low}, {high})')
        self.factor_range = (low, high)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` keeps its shape (T, H, W, 3)."""
        factor = np.random.uniform(*self.factor_range)
        frames = as_array(results['imgs'])
        # In place, as MMAction2's Flip: new memory costs as much as multiplying.
        out = frames if frames.flags.writeable and frames.flags.c_contiguous else None
        results['imgs'] = brighten_frames(frames, factor, out=out)
        return results


@TRANSFORMS.register_module()
class ClipRotation(BaseTransform):
    """Rotate all frames by one angle from U(-degrees, degrees), nearest pixel.

    Args:
        degrees: 4 in DFER-CLIP's training on FERV39k, 6 in EmoCLIP's.
        fill: RGB of the corners; EmoCLIP rotates after normalisation and fills with zero, which
            is CLIP's mean here: ``(123, 117, 104)``.

    Raises:
        ValueError: if ``degrees`` is negative, or ``fill`` is not three values.
    """

    def __init__(self, degrees: float = 4, *, fill: Sequence[int] = (0, 0, 0)) -> None:
        if degrees < 0 or len(fill) != 3:
            raise ValueError(
                f'expected degrees >= 0 and three fill values, found degrees={degrees}, '
                f'fill={tuple(fill)}'
            )
        self.degrees, self.fill = degrees, tuple(fill)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` keeps its shape (T, H, W, 3)."""
        degrees = np.random.uniform(-self.degrees, self.degrees)
        results['imgs'] = rotate_frames(as_array(results['imgs']), degrees, self.fill)
        return results
