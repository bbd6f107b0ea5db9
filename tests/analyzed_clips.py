"""Clips and films of drawn faces, and a clip's scores by pipeline and recognizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from drawn_faces import draw_clip, random_identity
from drawn_faces.film import Film, Role, Shot, write_film
from mmcv.transforms import Compose
from mmengine.config import Config
from untrained_demo import SIZE

from dferclip_mm.inference import EmotionAnalyzer


def clip(num_frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    person = random_identity(rng)
    return draw_clip(person, 'fear', num_frames=num_frames, size=SIZE, rng=rng).frames


def person(number: int, x: float = 0.5, height: float = 0.5) -> Role:
    """Somebody who stays at a place of a film, in shares of the film's height."""
    return Role(person=number, path=((0, x, 0.45, height),))


def write_people(path: str | Path, *roles: Role, seconds: float = 2.0) -> None:
    """Write a film of 320 x 180 pixels with twelve frames a second, and its truth beside it."""
    times = [index / 12 for index in range(round(12 * seconds))]
    write_film(
        path, Film(shots=(Shot(start=0.0, roles=roles),), times=times, width=320, height=180)
    )


@torch.no_grad()
def recognise(analyzer: EmotionAnalyzer, cfg: Config, frames: np.ndarray) -> np.ndarray:
    """The scores of a clip of four frames through pipeline and recognizer."""
    data = dict(imgs=frames, clip_len=4, num_clips=1, img_shape=(SIZE, SIZE))
    pixels = Compose(cfg.test_dataloader.dataset.pipeline[3:])(data)
    (sample,) = analyzer.model.test_step({name: [value] for name, value in pixels.items()})
    return sample.pred_score.numpy()
