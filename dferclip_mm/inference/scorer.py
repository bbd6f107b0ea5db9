"""What an analysis asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from mmcv.transforms import Compose

from ..engine.model import load_model
from ..engine.options import load_config
from ..precompute.encode_frames import encode_frames


class Scorer(Protocol):
    """A model of clips, in two steps, so that overlapping windows share the first one.

    Attributes:
        classes: names, C.
        num_frames: of a clip, T.
    """

    classes: tuple[str, ...]
    num_frames: int

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """What is kept of each face: uint8 (N, H, W, 3) -> (N, …)."""

    def score(self, clips: np.ndarray) -> np.ndarray:
        """The probabilities of what was kept: (B, T, …) -> (B, C)."""


class CheckpointScorer:
    """A `FrameRecognizer` and its checkpoint; of each face its image features are kept.

    Args: see `EmotionAnalyzer`.

    Raises:
        FileNotFoundError, ValueError: when a file is missing, or the parts do not fit.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str,
        *,
        device: str | None,
        classes: Sequence[str] | None,
        prompts: Any,
        batch_size: int,
    ) -> None:
        cfg = load_config(config)
        for name, value in (('classes', classes), ('prompts', prompts)):
            if value is not None:
                cfg.model.cls_head[name] = value
        self.model = load_model(cfg, checkpoint)
        pipeline = cfg.test_dataloader.dataset.pipeline
        names = [step['type'] for step in pipeline]
        counts = [step['num_frames'] for step in pipeline if 'num_frames' in step]
        if 'ClipDecode' not in names or names[-1] != 'PackActionInputs' or len(counts) != 1:
            raise ValueError(
                'expected a test pipeline with num_frames, ClipDecode and, at its end, '
                f'PackActionInputs, found {", ".join(map(str, names))}'
            )
        self._pixels = Compose([*pipeline[names.index('ClipDecode') + 1 : -1]])
        head = self.model.cls_head
        if not hasattr(self.model, 'num_frames') or not getattr(head, 'classes', ()):
            raise ValueError(
                f'{config}: expected a FrameRecognizer whose head has classes, found '
                f'{type(self.model).__name__} with {type(head).__name__}: faces are encoded frame '
                'by frame'
            )
        # Each window is one view; the batches of frames to encode have any length.
        self.model.num_frames = None
        self._device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.model.to(self._device)
        self.num_frames, self.classes = counts[0], tuple(head.classes)
        self._batch_size = batch_size

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """Image features: uint8 (N, H, W, 3) -> (N, D)."""
        sizes = dict.fromkeys(('img_shape', 'original_shape'), crops.shape[1:3])
        results = self._pixels(dict(imgs=crops, clip_len=len(crops), num_clips=1, **sizes))
        pixels = torch.from_numpy(np.ascontiguousarray(results['imgs']))
        return encode_frames(self.model, pixels, self._batch_size)

    @torch.no_grad()
    def score(self, clips: np.ndarray) -> np.ndarray:
        """Probabilities of features of clips: (B, T, D) -> (B, C)."""
        features = torch.from_numpy(clips).to(self._device)
        logits, _ = self.model.extract_feat(features, stage='head', test_mode=True)
        return logits.float().softmax(dim=-1).cpu().numpy()
