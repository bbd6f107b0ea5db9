"""An image tower that learns drawn faces within minutes on a CPU.

CLIP's own towers, trained from scratch on a thousand clips, stay at chance for longer than a
demonstration may last: a class token or a global mean forgets where in the face something moves.
This one keeps the places. timm knows it by name, and so do open_clip's model descriptions:
``vision_cfg=dict(timm_model_name='drawn_face_cnn', timm_pool='', timm_proj='linear')``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from timm.models import register_model
from torch import nn

SIZE = 48
_CHANNELS = (3, 24, 48, 96)


class DrawnFaceCNN(nn.Module):
    """Three convolutions, each halving the frame; the map is flattened, not averaged.

    Args:
        dropout: on the flattened map, while training.
    """

    # What open_clip's adapter asks of a timm model.
    default_cfg: dict[str, Any] = {}
    num_features = _CHANNELS[-1] * (SIZE // 8) ** 2

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(_CHANNELS):
            layers += [
                nn.Conv2d(before, after, 3, padding=1),
                # Before the norm, which then has a quarter of the work.
                nn.MaxPool2d(2),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))

    def reset_classifier(self, num_classes: int, **kwargs: Any) -> None:
        """There is no classifier to remove."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Flattened maps (N, 3456) of images (N, 3, 48, 48)."""
        return self.features(images)


@register_model
def drawn_face_cnn(pretrained: bool = False, **kwargs: Any) -> DrawnFaceCNN:
    """timm's way to build the tower; there are no pretrained weights."""
    return DrawnFaceCNN()
