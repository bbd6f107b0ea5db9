"""Classification of clips by text features that were computed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmaction.registry import MODELS

from ...emotions import resolve_classes
from .text_head import TextHead


@MODELS.register_module()
class PrecomputedTextHead(TextHead):
    """A trained `TextPromptHead` with the features of its prompts instead of the text tower.

    The features, ``text_features`` (C, D), are loaded from the checkpoint;
    ``tools/publish_model.py`` writes it and its config.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``) or C class names.
        embed_dims: D of the text features.
        in_channels: as in `TextPromptHead`.
        num_segments: as in `TextPromptHead`.
        logit_scale: the factor of the cosines, fixed.
        average_clips: as in `TextPromptHead`.
        topk: the training accuracies to log.
        kwargs: of MMAction2's `BaseHead`: `loss_cls`, `label_smooth_eps`, `multi_class`,
            `init_cfg`.

    Raises:
        ValueError: when the corpus is unknown, or the class names are invalid.
    """

    text_features: torch.Tensor

    def __init__(
        self,
        classes: str | Sequence[str],
        embed_dims: int = 512,
        in_channels: int | None = None,
        num_segments: int | None = None,
        logit_scale: float = 100.0,
        average_clips: str = 'prob',
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        names = resolve_classes(classes)
        super().__init__(
            len(names), embed_dims, in_channels, num_segments, average_clips, topk=topk, **kwargs
        )
        self.classes = names
        self.logit_scale = logit_scale
        self.register_buffer('text_features', torch.zeros(len(names), embed_dims))

    def class_features(self) -> torch.Tensor:
        """The stored text features: (C, D)."""
        return self.text_features
