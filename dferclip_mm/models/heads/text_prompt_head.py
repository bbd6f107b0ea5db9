"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ...prompts import load_prompts
from ..similarity import cosine_logits, mean_direction
from ..text import PromptLearner
from .pool import pool_clips


@MODELS.register_module()
class TextPromptHead(BaseHead):
    """Scores a clip by its similarity to one text prompt per class (DFER-CLIP, section 3).

    Serves behind `FrameRecognizer` and a temporal Transformer, and in place of the `cls_head` of
    any of the host's recognizers.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``) or C class names.
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: a prompt set by name, a JSON or YAML file, a table, or a list with an entry for
            each class (see ``dferclip_mm.prompts.load_prompts``). Several sentences for a class
            are an ensemble: the mean of their directions.
        num_context: learnable context vectors in each prompt; 0 for none.
        class_specific: a context for every class, or one for all.
        context_position: where the text stands in the prompt: ``'end'``, ``'middle'``, ``'front'``.
        in_channels: D of the clip features; another one than the text features' adds a linear
            projection. None: equal to theirs.
        logit_scale: what cosines are multiplied with, fixed.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        topk: the training accuracies to log.
        kwargs: the host's own: `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, or a prompt is too long.
    """

    def __init__(
        self,
        classes: str | Sequence[str],
        text_encoder: Mapping[str, Any],
        prompts: str | Mapping[str, Any] | Sequence[Any] = 'descriptions',
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
        in_channels: int | None = None,
        logit_scale: float = 100.0,
        average_clips: str = 'prob',
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        names = resolve_classes(classes)
        sentences = load_prompts(prompts, names)
        encoder = MODELS.build(text_encoder)
        super().__init__(
            num_classes=len(names),
            in_channels=in_channels or encoder.embed_dim,
            # The host's own default gives (views, C) scores, which its metrics cannot read.
            average_clips=average_clips,
            topk=topk,
            **kwargs,
        )
        self.classes = names
        self.logit_scale = logit_scale
        self.text_encoder = encoder
        self.prompt_learner = PromptLearner(
            sentences,
            encoder,
            num_context=num_context,
            class_specific=class_specific,
            context_position=context_position,
        )
        same = self.in_channels == encoder.embed_dim
        self.proj = nn.Identity() if same else nn.Linear(self.in_channels, encoder.embed_dim)

    def text_features(self) -> torch.Tensor:
        """One direction per class: (C, D), float32, each of length 1."""
        learner = self.prompt_learner
        return mean_direction(learner(self.text_encoder), learner.class_index, self.num_classes)

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Score clips.

        Args:
            x: clip features (B, D), or maps as the host's heads take them (see `pool_clips`).
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            Logits (B, C), float32.

        Raises:
            ValueError: when D is not `in_channels`.
        """
        video = pool_clips(x, num_segs)
        if video.shape[-1] != self.in_channels:
            raise ValueError(
                f'TextPromptHead expects {self.in_channels} channels, found {video.shape[-1]}: '
                f'set cls_head.in_channels={video.shape[-1]}'
            )
        return cosine_logits(self.proj(video), self.text_features(), self.logit_scale)
