"""Clips and texts of frozen CLIP, compared after one learned matrix (Exp-CLIP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import nn

from ..similarity import contrastive_loss, mean_vectors
from .text_head import Prompts, ZeroShotTextHead


@MODELS.register_module()
class ExpCLIPHead(ZeroShotTextHead):
    """Projects both towers' features by one matrix, scores them zero-shot (Zhao et al., WACV 2025).

    Of several sentences, the logits are averaged: the mean of the unit vectors is not normalised
    again, unlike in the other heads.

    Trained without labels: each projected clip has to find, among those of its batch, the feature
    that a large language model gives for the same faces (``data_sample.text_features``, see
    `LoadTextFeatures`), and each feature its clip. Only the matrix is trained if both towers are
    frozen.

    Args:
        classes, text_encoder, prompts: as in `ZeroShotTextHead`.
        projection_dims: rows of the matrix, the width of the language model's features.
        logit_scale: the factor of the cosines, fixed.
        kwargs: of `TextHead`, from `in_channels` on, and `init_cfg`.

    Raises:
        ValueError: as `ZeroShotTextHead`.
    """

    def __init__(
        self,
        classes: str | Sequence[str] | None,
        text_encoder: Mapping[str, Any],
        prompts: Prompts = 'expression_template',
        projection_dims: int = 4096,
        logit_scale: float = 100.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, text_encoder, prompts, **kwargs)
        self.logit_scale = logit_scale
        self.projection = nn.Linear(self.text_encoder.embed_dims, projection_dims, bias=False)

    def encode_clips(self, x: Any, num_segs: int | None) -> torch.Tensor:
        """Projected clip features (B, projection_dims); see `forward`."""
        return self.projection(super().encode_clips(x, num_segs))

    @torch.no_grad()
    def encode_classes(self) -> torch.Tensor:
        """The mean of each class's projected unit vectors: (C, projection_dims), float32.

        The sentences of each emotion weigh the same in a compound class.
        """
        learner = self.find_prompts()
        texts = self.text_encoder.encode(learner.embed(self.text_encoder), learner.end)
        unit = F.normalize(self.projection(texts).float(), dim=-1)
        return learner.average(unit, mean_vectors)

    def score(self, clips: torch.Tensor) -> torch.Tensor:
        """Logits (B, C), float32, of projected clip features (B, projection_dims)."""
        with torch.autocast(clips.device.type, enabled=False):
            video = F.normalize(clips.float(), dim=-1)
            return self.logit_scale * video @ self.class_features().T

    def loss(self, x: Any, data_samples: Sequence[Any], **kwargs: Any) -> dict[str, torch.Tensor]:
        """``loss_contrastive`` of B clips (see `forward`) and their language model's features.

        Raises:
            ValueError: when a clip has no `text_features` (projection_dims,).
        """
        width = self.projection.out_features
        found = [sample.get('text_features') for sample in data_samples]
        for sample, features in zip(data_samples, found, strict=True):
            if features is None or features.shape != (width,):
                held = 'none' if features is None else f'the shape {tuple(features.shape)}'
                raise ValueError(
                    f'{sample.get("filename", "a clip")}: ExpCLIPHead is trained on text_features '
                    f'of {width} numbers, found {held}: put LoadTextFeatures into the training '
                    "pipeline, 'text_features' into PackActionInputs's algorithm_keys, and set "
                    'cls_head.projection_dims to their width'
                )
        video = self.encode_clips(x, kwargs.get('num_segs'))
        texts = torch.stack(found).to(video.device)
        return {'loss_contrastive': contrastive_loss(video, texts, self.logit_scale)}
