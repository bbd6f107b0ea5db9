"""CLIP's visual tower as an image backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from mmengine.utils import to_2tuple

from ..clip.build import build_clip, freeze
from ..clip.fast_forward import encode_images, reads_one_token, reduce_activation_memory


@MODELS.register_module()
class CLIPVisualEncoder(BaseModule):
    """CLIP's visual tower: images to projected features, not normalised.

    A plain image backbone, so that the host's own heads and recognizers can use it too.

    Args:
        arch: an open_clip architecture by name, or its dimensions (see ``build_clip``).
        pretrained: an open_clip tag, a weights file, or None for random weights.
        frozen: keep the weights as they are, and out of checkpoints when `pretrained` names them.
        checkpoint_mlp: keep about a fifth less for the backward pass, in 1 to 5 % more time.
        grad_checkpointing: keep each block's input alone, in about a quarter more time.

    Raises:
        ValueError: when the tower cannot save memory as asked.
    """

    def __init__(
        self,
        arch: str | Mapping[str, Any] = 'ViT-B-32',
        pretrained: str | None = None,
        frozen: bool = False,
        checkpoint_mlp: bool = False,
        grad_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.visual = build_clip(arch, pretrained).visual
        self.image_size: tuple[int, int] = to_2tuple(self.visual.image_size)
        if frozen:
            freeze(self, 'visual', rebuilt_from=pretrained)
        reduce_activation_memory(self.visual, checkpoint_mlp, grad_checkpointing)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images (N, 3, H, W) to features (N, D).

        Raises:
            ValueError: when the images have not the size that the tower was built for.
        """
        if tuple(images.shape[-2:]) != self.image_size:
            height, width = self.image_size
            raise ValueError(
                f'CLIPVisualEncoder takes frames of {height} x {width} pixels, found '
                f'{images.shape[-2]} x {images.shape[-1]}: set the size in the pipelines'
            )
        if reads_one_token(self.visual):
            return encode_images(self.visual, images)
        return self.visual(images)

    def init_weights(self) -> None:
        """Keep the weights: the host would re-initialise towers that have such a method."""
