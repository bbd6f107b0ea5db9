"""What is trained of a tower, and what its training keeps in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from .adapter import add_adapters
from .checkpointing import reduce_activation_memory
from .frozen import freeze
from .lora import add_lora


def prepare_tower(
    owner: nn.Module,
    name: str,
    pretrained: str | None,
    frozen: bool,
    checkpoint_mlp: bool,
    grad_checkpointing: bool,
    lora: Mapping[str, Any] | None,
    adapter: Mapping[str, Any] | None,
) -> bool:
    """Freeze the tower ``owner.name`` where that is asked for, and add what is trained of it.

    Arguments as of `CLIPVisualEncoder`.

    Returns:
        Whether the tower is frozen, as it is below updates and adapters.

    Raises:
        ValueError: when the tower cannot save memory as asked, or cannot be updated so.
    """
    tower: Any = getattr(owner, name)
    frozen = frozen or lora is not None or adapter is not None
    if frozen:
        freeze(owner, name, rebuilt_from=pretrained)
    if lora is not None:
        add_lora(tower, **lora)
    if adapter is not None:
        add_adapters(tower, **adapter)
    reduce_activation_memory(tower, checkpoint_mlp, grad_checkpointing)
    return frozen
