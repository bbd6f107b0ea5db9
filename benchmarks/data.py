"""What loading costs, beside the original's way: Pillow, and floats made by the loader."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image, ImageEnhance

from .measure import interleaved, ratio
from .models import Row

SIZE, FRAMES = 224, 16


def draw_clips(folder: Path, clips: int = 12) -> list[Path]:
    """Folders of 40 to 120 JPEGs, smooth noise of about 16 KB each."""
    rng = np.random.RandomState(0)
    folders = []
    for clip in range(clips):
        folders.append(folder / f'{clip:05d}')
        folders[-1].mkdir()
        base = cv2.resize(rng.randint(0, 256, (28, 28, 3), dtype=np.uint8), (SIZE, SIZE))
        for frame in range(rng.randint(40, 121)):
            noise = rng.randint(-9, 10, base.shape)
            image = np.clip(base.astype(int) + noise, 0, 255).astype(np.uint8)
            path = folders[-1] / f'{frame + 1:05d}.jpg'
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return folders


def pillow_frames(folder: Path, numbers: list[int]) -> list[Image.Image]:
    """Frames as Pillow reads them."""
    paths = sorted(folder.glob('*'))
    return [Image.open(paths[number]).convert('RGB') for number in numbers]


def pillow_augment(images: list[Image.Image]) -> torch.Tensor:
    """Brightness, crop, flip frame by frame, then floats (T, 3, H, W)."""
    factor, mirrored = random.uniform(0.5, 1.5), random.random() < 0.5
    images = [ImageEnhance.Brightness(image).enhance(factor) for image in images]
    width, height = images[0].size
    area, aspect = random.uniform(0.08, 1) * width * height, random.uniform(3 / 4, 4 / 3)
    w, h = (
        min(side, round(math.sqrt(area * a))) for side, a in ((width, aspect), (height, 1 / aspect))
    )
    left, top = random.randint(0, width - w), random.randint(0, height - h)
    box = (left, top, left + w, top + h)
    images = [image.crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for image in images]
    if mirrored:
        images = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    # Joined along the channels, as the original does before its tensor is made.
    joined = torch.from_numpy(np.concatenate([np.asarray(image) for image in images], axis=2))
    return joined.permute(2, 0, 1).contiguous().float().div(255).reshape(-1, 3, SIZE, SIZE)


def pipeline(config: str) -> Callable[[dict], Any]:
    """The training pipeline of a config."""
    return Compose(Config.fromfile(config).train_pipeline)


def load(transforms: Callable[[dict], Any], folders: list[Path]) -> Any:
    """One batch of clips, as a loader's worker makes it."""
    items = [dict(filename=str(path), label=0, modality='RGB', start_index=0) for path in folders]
    return pseudo_collate([transforms(item) for item in items])


def pillow_load(folders: list[Path]) -> torch.Tensor:
    """The same batch the original's way."""
    clips = []
    for folder in folders:
        length = len(list(folder.glob('*'))) // FRAMES
        numbers = [n * length + random.randrange(length) for n in range(FRAMES)]
        clips.append(pillow_augment(pillow_frames(folder, numbers)))
    return torch.utils.data.default_collate(clips)


def loading(config: str, folder: Path) -> list[Row]:
    """Clips per second of one core, and the ratio to the original's way."""
    folders = draw_clips(folder)
    whole = pipeline(config)
    after_decoding = Compose(whole.transforms[3:])
    images = pillow_frames(folders[0], [*range(FRAMES)])
    frames = np.stack([np.asarray(image) for image in images])

    def augment() -> None:
        for _ in folders:
            after_decoding(
                dict(
                    imgs=frames.copy(),
                    img_shape=(SIZE, SIZE),
                    label=0,
                    modality='RGB',
                    num_clips=1,
                    clip_len=FRAMES,
                )
            )

    runs = {
        'loading': lambda: load(whole, folders),
        'Pillow loading': lambda: pillow_load(folders),
        'augmentation': augment,
        'Pillow augmentation': lambda: [pillow_augment(images) for _ in folders],
    }
    found = interleaved(runs, rounds=7)
    speed = len(folders) / sorted(found['loading'])[3]
    return [
        Row('DFEW training pipeline, clips per second', speed, ''),
        Row(
            'DFEW training pipeline ÷ original',
            ratio(found['Pillow loading'], found['loading']),
            '≥ 4.5',
        ),
        Row(
            'augmentation ÷ original',
            ratio(found['Pillow augmentation'], found['augmentation']),
            '≥ 9',
        ),
    ]
