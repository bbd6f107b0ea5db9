"""A checkpoint's content as tensors and plain values, which any process can read safely."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

_KEPT = (str, bytes, int, float, complex, bool, type(None))
_KEPT_OF_TORCH = (torch.Tensor, torch.Size, torch.dtype, torch.device)
_MARK = 'history_buffer'
_LEFT_OUT = object()


def plain(content: Any, name: str, left_out: list[str]) -> Any:
    """The same content in types that ``torch.load(weights_only=True)`` reads without a list.

    MMEngine's histories become tensors, numpy's values Python's, and everything that behaves as a
    mapping or a list becomes one. What has no plain form is left out of mappings, and is None in
    lists.

    Args:
        content: nested mappings, lists, tensors, numbers, texts.
        name: where it stands, for `left_out`.
        left_out: names of what has no plain form are added to it.
    """
    found = _plain(content, name, left_out)
    return None if found is _LEFT_OUT else found


def _plain(content: Any, name: str, left_out: list[str]) -> Any:
    if type(content) in _KEPT or isinstance(content, _KEPT_OF_TORCH):
        return content
    if isinstance(content, np.generic):
        return content.item()
    if isinstance(content, np.ndarray):
        return _plain(content.tolist(), name, left_out)
    if isinstance(content, HistoryBuffer):
        history, counts = (torch.from_numpy(np.array(values)) for values in content.data)
        return {_MARK: {'history': history, 'counts': counts, 'longest': content.max_length}}
    if isinstance(content, Mapping):
        parts = {key: _plain(part, f'{name}.{key}', left_out) for key, part in content.items()}
        return {
            _plain(key, name, left_out): part
            for key, part in parts.items()
            if part is not _LEFT_OUT
        }
    if isinstance(content, list | tuple | deque | Set):
        found = [_plain(part, f'{name}.{place}', left_out) for place, part in enumerate(content)]
        # What comes after keeps its place.
        found = [None if part is _LEFT_OUT else part for part in found]
        return tuple(found) if isinstance(content, tuple) else found
    if isinstance(content, Path):
        return str(content)
    # Subclasses, enumerations among them, would be read by their own names.
    if isinstance(content, str):
        return str.__str__(content)
    for kind in (int, float):
        if isinstance(content, kind):
            return kind(content)
    left_out.append(name)
    return _LEFT_OUT


def rebuild_histories(scalars: Mapping[str, Any]) -> dict[str, Any]:
    """The host's histories from what ``plain`` made of them; others stay as they are.

    Raises:
        ValueError: when one is no history.
    """
    return {name: _history(name, value) for name, value in scalars.items()}


def _history(name: str, value: Any) -> Any:
    if not (isinstance(value, Mapping) and set(value) == {_MARK}):
        return value
    stored = value[_MARK]
    parts = (
        [stored.get(key) for key in ('history', 'counts')] if isinstance(stored, Mapping) else []
    )
    if not parts or not all(isinstance(part, torch.Tensor) and part.ndim == 1 for part in parts):
        raise ValueError(
            f'message_hub.log_scalars.{name} of the checkpoint is no history: expected two tensors '
            'of one dimension, history and counts'
        )
    history, counts = (part.cpu().numpy() for part in parts if part is not None)
    if len(history) != len(counts):
        raise ValueError(
            f'message_hub.log_scalars.{name} of the checkpoint has {len(history)} values, and '
            f'counts for {len(counts)}'
        )
    return HistoryBuffer(history, counts, max_length=int(stored.get('longest', 1000000)))
