"""What both towers of CLIP share: how they are built, and what is trained of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModule

from .adapter import add_adapters
from .build import build_clip
from .checkpointing import reduce_activation_memory
from .frozen import freeze
from .lora import add_lora


class CLIPTower(BaseModule):
    """A tower of one of open_clip's models.

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

    # The attribute that holds the tower, here and in open_clip's models.
    part: str

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
        tower = getattr(build_clip(arch, pretrained), self.part)
        setattr(self, self.part, tower)
        self.frozen = frozen or lora is not None or adapter is not None
        if self.frozen:
            freeze(self, self.part, rebuilt_from=pretrained)
        if lora is not None:
            add_lora(tower, **lora)
        if adapter is not None:
            add_adapters(tower, **adapter)
        reduce_activation_memory(tower, checkpoint_mlp, grad_checkpointing)

    def init_weights(self) -> None:
        """Keep the weights: MMEngine would re-initialise towers that have such a method."""
