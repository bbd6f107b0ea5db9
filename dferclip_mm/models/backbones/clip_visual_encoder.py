"""CLIP's visual tower as an image backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from mmengine.utils import to_2tuple

from ..clip.build import build_clip
from ..clip.fast_forward import encode_images, is_standard_vit
from ..clip.lora import train_lora
from ..clip.prepare import prepare_tower


@MODELS.register_module()
class CLIPVisualEncoder(BaseModule):
    """CLIP's visual tower: images to projected features, not normalised.

    An image backbone that MMAction2's own heads and recognizers can use too.

    Args:
        arch: an open_clip architecture by name, or its dimensions (see ``build_clip``).
        pretrained: an open_clip tag, a weights file, or None for random weights.
        frozen: do not train the weights, and leave them out of checkpoints if `pretrained` is set.
        checkpoint_mlp: recompute activations of the MLPs: a fifth less memory for the backward
            pass, 1 to 5 % more time.
        grad_checkpointing: recompute each block from its input: a tenth of the memory, about a
            quarter more time.
        lora: settings of low-rank updates, ``dict(rank=8, alpha=32, dropout=0.1)`` (see
            `add_lora`): the tower is frozen, and only the updates are trained and stored.
        adapter: settings of bottlenecks, ``dict(dim=64)`` (see `add_adapters`), in its place or
            beside it.

    Raises:
        ValueError: when the tower cannot save memory as asked, or cannot be updated so.
    """

    def __init__(
        self,
        arch: str | Mapping[str, Any] = 'ViT-B-32',
        pretrained: str | None = None,
        frozen: bool = False,
        checkpoint_mlp: bool = False,
        grad_checkpointing: bool = False,
        lora: Mapping[str, Any] | None = None,
        adapter: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.visual = build_clip(arch, pretrained).visual
        self.image_size: tuple[int, int] = to_2tuple(self.visual.image_size)
        training = (checkpoint_mlp, grad_checkpointing, lora, adapter)
        self.frozen = prepare_tower(self, 'visual', pretrained, frozen, *training)

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

    def init_weights(self) -> None:
        """Keep the weights: MMEngine would re-initialise towers that have such a method."""
