"""A converted checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .rename_keys import State


@dataclass(frozen=True)
class Converted:
    """A checkpoint in our names, and what belongs to it.

    Attributes:
        kind: ``'DFER-CLIP'`` or ``'EmoCLIP'``.
        state_dict: all of our tensors, the text tower included.
        meta: plain values that the way back needs.
        model: overrides of a config's ``model``, without the prompts.
        prompts: the sentence of each class; None where the file holds none.
    """

    kind: str
    state_dict: State
    meta: dict[str, Any]
    model: dict[str, Any]
    prompts: dict[str, str] | None = None
