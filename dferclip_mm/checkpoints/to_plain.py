"""Checkpoint content as tensors and plain Python values, readable with ``weights_only=True``."""

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
_HISTORY = 'history_buffer'
_DROPPED = object()


def to_plain(content: Any, name: str, dropped: list[str]) -> Any:
    """The same content in types that ``torch.load(weights_only=True)`` always accepts.

    MMEngine's histories become tensors, NumPy values Python's, and mappings and sequences dicts
    and lists. Any other value is dropped from a dict, and is None in a list; its key, behind the
    `name` of the content, is added to `dropped`.
    """
    found = _convert(content, name, dropped)
    return None if found is _DROPPED else found


def _convert(content: Any, name: str, dropped: list[str]) -> Any:
    if type(content) in _KEPT or isinstance(content, _KEPT_OF_TORCH):
        return content
    if isinstance(content, np.generic):
        return content.item()
    if isinstance(content, np.ndarray):
        return _convert(content.tolist(), name, dropped)
    if isinstance(content, HistoryBuffer):
        history, counts = (torch.from_numpy(np.array(values)) for values in content.data)
        return {_HISTORY: {'history': history, 'counts': counts, 'longest': content.max_length}}
    if isinstance(content, Mapping):
        values = {key: _convert(value, f'{name}.{key}', dropped) for key, value in content.items()}
        return {
            _convert(key, name, dropped): value
            for key, value in values.items()
            if value is not _DROPPED
        }
    if isinstance(content, list | tuple | deque | Set):
        found = [_convert(item, f'{name}.{index}', dropped) for index, item in enumerate(content)]
        found = [None if item is _DROPPED else item for item in found]
        return tuple(found) if isinstance(content, tuple) else found
    if isinstance(content, Path):
        return str(content)
    # Subclasses, such as enumerations, would be pickled by their class.
    if isinstance(content, str):
        return str.__str__(content)
    for kind in (int, float):
        if isinstance(content, kind):
            return kind(content)
    dropped.append(name)
    return _DROPPED


def restore_histories(scalars: Mapping[str, Any]) -> dict[str, Any]:
    """MMEngine's histories from what ``to_plain`` made of them; other values are unchanged."""
    restored = dict(scalars)
    for name, value in scalars.items():
        if isinstance(value, Mapping) and set(value) == {_HISTORY}:
            stored = value[_HISTORY]
            history, counts = (stored[key].cpu().numpy() for key in ('history', 'counts'))
            restored[name] = HistoryBuffer(history, counts, max_length=stored['longest'])
    return restored
