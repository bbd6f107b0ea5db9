"""Classification of clips by text features that were computed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmaction.registry import MODELS

from .text_head import TextHead


@MODELS.register_module()
class PrecomputedTextHead(TextHead):
    """A trained `TextPromptHead` with the features of its prompts instead of the text tower.

    The features, ``text_features`` (C, D), are loaded from the checkpoint;
    ``tools/publish_model.py`` writes it and its config.

    Args:
        embed_dims: D of the text features.
        classes, logit_scale, kwargs: as in `TextPromptHead`.

    Raises:
        ValueError: as `TextHead`.
    """

    text_features: torch.Tensor

    def __init__(
        self,
        classes: str | Sequence[str],
        embed_dims: int = 512,
        logit_scale: float = 100.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, embed_dims, **kwargs)
        self.logit_scale = logit_scale
        self.register_buffer('text_features', torch.zeros(self.num_classes, embed_dims))

    def class_features(self) -> torch.Tensor:
        """The stored text features: (C, D)."""
        return self.text_features
