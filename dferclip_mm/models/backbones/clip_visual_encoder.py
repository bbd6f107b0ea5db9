"""CLIP's visual tower as an image backbone."""

from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.utils import to_2tuple

from ..clip.fast_forward import encode_images, is_standard_vit
from ..clip.lora import train_lora
from ..clip.tower import CLIPTower


@MODELS.register_module()
class CLIPVisualEncoder(CLIPTower):
    """CLIP's visual tower: images to projected features, not normalised.

    An image backbone that MMAction2's own heads and recognizers can use too. Arguments as of
    `CLIPTower`.
    """

    part = 'visual'
    visual: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image_size: tuple[int, int] = to_2tuple(self.visual.image_size)

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
        if is_standard_vit(self.visual):
            return encode_images(self.visual, images)
        features = self.visual(images)
        # CoCa's towers return the tokens as well.
        return features[0] if isinstance(features, tuple) else features

    def train(self, mode: bool = True) -> CLIPVisualEncoder:
        """Switch the mode; batch norms of a frozen tower keep their statistics."""
        super().train(mode)
        self.visual.train(mode and not self.frozen)
        train_lora(self.visual, mode)
        return self
