"""Classification of clips by text features that were computed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ..similarity import cosine_logits
from .pool import pool_to_clip, view_segments


@MODELS.register_module()
class PrecomputedTextHead(BaseHead):
    """`TextPromptHead` after its prompts went through the text tower, which it no longer needs.

    The features, ``text_features`` (C, D), come out of the checkpoint; ``tools/publish_model.py``
    writes it and the config that goes with it.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``) or C class names.
        embed_dim: D of the text features.
        in_channels: of the clip features; another one than D adds a linear projection. None: D.
        num_segments: frames of one view, as `TextPromptHead` has it.
        logit_scale: what cosines are multiplied with, fixed.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        topk: the training accuracies to log.
        kwargs: the host's own: `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.
    """

    text_features: torch.Tensor

    def __init__(
        self,
        classes: str | Sequence[str],
        embed_dim: int = 512,
        in_channels: int | None = None,
        num_segments: int | None = None,
        logit_scale: float = 100.0,
        average_clips: str = 'prob',
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        names = resolve_classes(classes)
        super().__init__(
            num_classes=len(names),
            in_channels=in_channels or embed_dim,
            average_clips=average_clips,
            topk=topk,
            **kwargs,
        )
        self.classes = names
        self.num_segments = num_segments
        self.logit_scale = logit_scale
        self.register_buffer('text_features', torch.zeros(len(names), embed_dim))
        same = self.in_channels == embed_dim
        self.proj = nn.Identity() if same else nn.Linear(self.in_channels, embed_dim)

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Score clips.

        Args:
            x: clip features (B, in_channels), or maps as the host's heads take them (see
                `pool_to_clip`).
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            Logits (B, C), float32.

        Raises:
            ValueError: when the clip features have another width than `in_channels`.
        """
        video = pool_to_clip(x, view_segments(num_segs, self.num_segments))
        if video.shape[-1] != self.in_channels:
            raise ValueError(
                f'PrecomputedTextHead expects {self.in_channels} channels, found '
                f'{video.shape[-1]}: use the config that was published with the checkpoint'
            )
        return cosine_logits(self.proj(video), self.text_features, self.logit_scale)
