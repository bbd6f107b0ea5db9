"""Which values are no numbers any more, and which clips a batch holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch


def tensors_in(content: Any, name: str = '') -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested mappings and lists, with the keys that lead to it."""
    if isinstance(content, torch.Tensor):
        yield name, content
    elif isinstance(content, Mapping | list | tuple):
        parts = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, part in parts:
            yield from tensors_in(part, f'{name}.{key}' if name else str(key))


def not_finite(tensors: Iterable[tuple[str, torch.Tensor]]) -> list[str]:
    """Names of the tensors, of any shape, that hold NaN or infinity."""
    # The greatest magnitude tells of either, and takes no memory.
    greatest = [
        (name, torch.linalg.vector_norm(tensor.detach(), math.inf))
        for name, tensor in tensors
        if tensor.is_floating_point() and tensor.numel()
    ]
    return [name for name, value in greatest if not math.isfinite(value)]


def clips_in(batch: Any, dataset: Any) -> list[str]:
    """The clips of a batch as ``file (list:line)``, as far as data set and pipeline tell.

    Args:
        batch: what the host's loader gives, with ``data_samples``.
        dataset: what the batch was read from; all of it is looked through.
    """
    samples = batch.get('data_samples', ()) if isinstance(batch, Mapping) else ()
    files = [str(sample.metainfo.get('filename', '')) for sample in samples]
    lines = _lines(dataset, set(files))
    unnamed = "a clip without a name (add 'filename' to meta_keys of PackActionInputs)"
    return [f'{file}{lines.get(file, "")}' if file else unnamed for file in files]


def _lines(dataset: Any, files: set[str]) -> dict[str, str]:
    lines = {}
    if hasattr(dataset, 'get_data_info'):
        for info in map(dataset.get_data_info, range(len(dataset))):
            file = str(info.get('filename', ''))
            if file in files and 'ann_file' in info:
                lines[file] = f' ({info["ann_file"]}:{info.get("ann_line", 0)})'
    return lines
