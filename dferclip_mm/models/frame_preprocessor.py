"""Batches of frames, or of features of frames."""

from __future__ import annotations

from typing import Any

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.registry import MODELS


@MODELS.register_module()
class FrameOrFeaturePreprocessor(ActionDataPreprocessor):
    """MMAction2's `ActionDataPreprocessor`, which also takes features of frames.

    So one model takes pixels, which are normalised, and precomputed features, which are not.
    """

    def preprocess(
        self, inputs: list[torch.Tensor], data_samples: Any, training: bool = False
    ) -> tuple:
        """Clips (T, 3, H, W) as MMAction2; features (T, D) are stacked to (B, T, D), float32."""
        if inputs[0].ndim == 2:
            return torch.stack(inputs).float(), data_samples
        return super().preprocess(inputs, data_samples, training)
