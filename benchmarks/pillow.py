"""Loading as in the original code: Pillow, frame by frame, with floats made in the loader."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance

from .corpus import SIZE

FRAMES = 16


def pillow_frames(paths: Sequence[Path], numbers: Sequence[int]) -> list[Image.Image]:
    """Frames as Pillow reads them."""
    return [Image.open(paths[number]).convert('RGB') for number in numbers]


def pillow_box(width: int, height: int) -> tuple[int, int, int, int]:
    """A random crop: left, upper, right, lower."""
    for _ in range(10):
        area, aspect = random.uniform(0.08, 1) * width * height, random.uniform(3 / 4, 4 / 3)
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if random.random() < 0.5:
            w, h = h, w
        if w <= width and h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    return 0, 0, width, height


def pillow_augment(images: Sequence[Image.Image]) -> torch.Tensor:
    """Brightness, crop and flip of each frame, then floats (T, 3, H, W)."""
    factor, mirrored = random.uniform(0.5, 1.5), random.random() < 0.5
    images = [ImageEnhance.Brightness(image).enhance(factor) for image in images]
    box = pillow_box(*images[0].size)
    images = [image.crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for image in images]
    if mirrored:
        images = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    # Concatenated along the channels, as in the original code.
    joined = torch.from_numpy(np.concatenate([np.asarray(image) for image in images], axis=2))
    return joined.permute(2, 0, 1).contiguous().float().div(255).reshape(-1, 3, SIZE, SIZE)


def pillow_clip(folder: Path) -> torch.Tensor:
    """A clip from a folder: one random frame of each segment."""
    paths = sorted(folder.glob('*'))
    length = len(paths) // FRAMES
    numbers = [n * length + random.randrange(length) for n in range(FRAMES)]
    return pillow_augment(pillow_frames(paths, numbers))
