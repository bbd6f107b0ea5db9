"""A clip of a drawn face, and its scores by pipeline and recognizer."""

from __future__ import annotations

import numpy as np
import torch
from drawn_faces import draw_clip, random_identity
from mmcv.transforms import Compose
from mmengine.config import Config
from untrained_demo import SIZE

from dferclip_mm.inference import EmotionAnalyzer


def clip(num_frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    person = random_identity(rng)
    return draw_clip(person, 'fear', num_frames=num_frames, size=SIZE, rng=rng).frames


@torch.no_grad()
def recognise(analyzer: EmotionAnalyzer, cfg: Config, frames: np.ndarray) -> np.ndarray:
    """The scores of a clip of four frames through pipeline and recognizer."""
    data = dict(imgs=frames, clip_len=4, num_clips=1, img_shape=(SIZE, SIZE))
    pixels = Compose(cfg.test_dataloader.dataset.pipeline[3:])(data)
    (sample,) = analyzer.model.test_step({name: [value] for name, value in pixels.items()})
    return sample.pred_score.numpy()
