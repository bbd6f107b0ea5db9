"""Sizes: Pillow's resizing for a whole clip at once, and DFER-CLIP's random crop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


def resize_frames(
    frames: np.ndarray, size: tuple[int, int], *, bicubic: bool = False, antialias: bool = True
) -> np.ndarray:
    """Frames in another size, aspect not kept: uint8 (T, H, W, 3) -> (T, *size, 3).

    With ``antialias`` this is Pillow's filter, but for one grey level in about one value of a
    hundred, and several times faster. OpenCV's does not low-pass when it shrinks.
    """
    if frames.shape[1:3] == size:
        return frames
    # torch keeps the frames' own order of axes (channels last), so nothing is copied for it.
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    if not antialias:
        # On bytes torch would round between the two directions, as Pillow does; the original not.
        pixels = pixels.float()
    mode = 'bicubic' if bicubic else 'bilinear'
    resized = F.interpolate(pixels, size, mode=mode, align_corners=False, antialias=antialias)
    if not antialias:
        resized = resized.round().clamp(0, 255).byte()
    return np.ascontiguousarray(resized.permute(0, 2, 3, 1).numpy())


def shorter_side_to(size: int, height: int, width: int) -> tuple[int, int]:
    """Height and width with the shorter side ``size`` and the same aspect, cut to whole pixels."""
    shorter = min(height, width)
    return size * height // shorter, size * width // shorter


def sample_crop(
    height: int,
    width: int,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> tuple[int, int, int, int] | None:
    """A random box as DFER-CLIP draws it, or None if none of ten fits into the frame.

    The box's share of the frame's area and its aspect ratio are uniform, the ratio not in its
    logarithm; sides are rounded, swapped half of the time, and the position is uniform.

    Returns:
        Top, left, height and width in pixels.
    """
    for _ in range(10):
        pixels = np.random.uniform(*area) * height * width
        ratio = np.random.uniform(*aspect)
        sides = [max(1, round(math.sqrt(pixels * ratio))), max(1, round(math.sqrt(pixels / ratio)))]
        w, h = sides if np.random.uniform() < 0.5 else reversed(sides)
        if w <= width and h <= height:
            return *_random_position(height - h, width - w), h, w
    return None


def _random_position(most_down: int, most_right: int) -> tuple[int, int]:
    return np.random.randint(most_down + 1), np.random.randint(most_right + 1)


def as_array(imgs: np.ndarray | list[np.ndarray]) -> np.ndarray:
    """The frames as one array (T, H, W, 3); MMAction2's decoders give lists."""
    return imgs if isinstance(imgs, np.ndarray) else np.stack(imgs)


def _set_imgs(results: dict[str, Any], frames: np.ndarray) -> dict[str, Any]:
    results['imgs'] = frames
    results['img_shape'] = frames.shape[1:3]
    return results


def _check_size(size: int) -> int:
    if size < 1:
        raise ValueError(f'expected size of at least 1 pixel, found {size}')
    return size


@TRANSFORMS.register_module()
class ClipResize(BaseTransform):
    """Resize all frames to ``size`` x ``size``, aspect not kept, by Pillow's bilinear filter."""

    def __init__(self, size: int = 224) -> None:
        self.size = _check_size(size)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` (T, H, W, 3) -> (T, size, size, 3)."""
        return _set_imgs(results, resize_frames(as_array(results['imgs']), (self.size, self.size)))


@TRANSFORMS.register_module()
class ClipResizeShortEdge(BaseTransform):
    """Resize all frames so that the shorter side is ``size``, by a bicubic filter (EmoCLIP).

    Args:
        size: in pixels.
        antialias: low-pass when shrinking; False gives the original's pixels.
    """

    def __init__(self, size: int = 224, *, antialias: bool = True) -> None:
        self.size, self.antialias = _check_size(size), antialias

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` (T, H, W, 3) -> (T, h, w, 3) with min(h, w) = size."""
        frames = as_array(results['imgs'])
        height, width = frames.shape[1:3]
        size = shorter_side_to(self.size, height, width)
        return _set_imgs(
            results, resize_frames(frames, size, bicubic=True, antialias=self.antialias)
        )


@TRANSFORMS.register_module()
class ClipRandomCrop(BaseTransform):
    """Crop one random box from all frames (DFER-CLIP's training); `ClipResize` follows.

    MMAction2's ``RandomResizedCrop`` draws the logarithm of the aspect ratio. Transforms of single
    pixels may stand between the two, where there are fewer pixels.

    Args:
        size: in pixels; where no box fits, a square of this size is cropped from frames whose
            shorter side was resized to it.
        area: least and greatest share of the frame's area.
        aspect: least and greatest aspect ratio, before sides are swapped.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        size: int = 224,
        *,
        area: tuple[float, float] = (0.08, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = _check_size(size)
        self.area, self.aspect = (area[0], area[1]), (aspect[0], aspect[1])
        if not 0 < self.area[0] <= self.area[1] <= 1 or not 0 < self.aspect[0] <= self.aspect[1]:
            raise ValueError(
                f'expected 0 < area <= 1 and 0 < aspect, each (least, greatest), '
                f'found area={self.area}, aspect={self.aspect}'
            )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` (T, H, W, 3) -> (T, h, w, 3), a view."""
        frames = as_array(results['imgs'])
        height, width = frames.shape[1:3]
        box = sample_crop(height, width, self.area, self.aspect)
        if box is None:
            height, width = shorter_side_to(self.size, height, width)
            frames = resize_frames(frames, (height, width))
            square = self.size, self.size
            box = *_random_position(height - self.size, width - self.size), *square
        top, left, height, width = box
        return _set_imgs(results, frames[:, top : top + height, left : left + width])
