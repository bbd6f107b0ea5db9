"""Scores of clips that share frames: each frame is encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample

from ..models.recognizers.frame_recognizer import takes_any_length
from ..transforms.clip_opener import find_frame_steps
from .encode_frames import encode_frames
from .track_windows import FaceSample


class ClipScorer:
    """A model that scores clips of frames as its test does.

    Args:
        model: a recognizer in evaluation mode, whose ``num_frames`` is set to None; or an exported
            one.
        pipeline: of its test, see `find_frame_steps`.
        batch_size: frames at a time.

    Raises:
        ValueError: when the pipeline does not decode clips.
    """

    def __init__(self, model: Any, pipeline: Sequence[Mapping[str, Any]], batch_size: int) -> None:
        self.model, self.batch_size = model, batch_size
        self.num_frames, self._steps = find_frame_steps(pipeline)
        # Frames that went through it.
        self.encoded = 0
        # A backbone of videos, or one that shifts frames, sees whole clips.
        self._by_frame = takes_any_length(model)
        if self._by_frame:
            # Each clip is one view; the batches of frames to encode have any length.
            model.num_frames = None

    def pixels(self, frames: Sequence[FaceSample]) -> torch.Tensor:
        """What the pipeline makes of frames of one size."""
        sizes = dict.fromkeys(('img_shape', 'original_shape'), frames[0].crop.shape[:2])
        images = np.stack([frame.crop for frame in frames])
        data = dict(imgs=images, clip_len=len(frames), num_clips=1, **sizes)
        return torch.from_numpy(np.ascontiguousarray(self._steps(data)['imgs']))

    @torch.no_grad()
    def score(self, clips: Sequence[Sequence[FaceSample]]) -> np.ndarray:
        """The probabilities of clips of ``num_frames`` frames each, (B, C)."""
        if self._by_frame:
            fresh = [frame for frame in dict.fromkeys(chain(*clips)) if frame.feature is None]
            self.encoded += len(fresh)
            if fresh:
                pixels = torch.cat([self.pixels([frame]) for frame in fresh])
                features = encode_frames(self.model, pixels, self.batch_size)
                for frame, feature in zip(fresh, features, strict=True):
                    frame.feature = feature
            inputs = np.array([[frame.feature for frame in frames] for frames in clips])
            stacked = torch.from_numpy(inputs).to(next(self.model.parameters()).device)
        else:
            self.encoded += sum(map(len, clips))
            data = dict(inputs=[*map(self.pixels, clips)], data_samples=[None] * len(clips))
            stacked = self.model.data_preprocessor(data, training=False)['inputs']
        samples = self.model.predict(stacked, [ActionDataSample() for _ in clips])
        return torch.stack([sample.pred_score for sample in samples]).float().cpu().numpy()
