"""What a language model says of a clip's faces, as features from a file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from safetensors import SafetensorError, safe_open


@TRANSFORMS.register_module()
class LoadTextFeatures(BaseTransform):
    """Adds ``text_features``, (D,) float32, which `ExpCLIPHead` is trained on.

    Args:
        file: a safetensors file with one vector for each clip. Its name is the end of the clip's
            path, without a suffix: ``00005``, or ``Action/Happy/0267``.

    Raises:
        ValueError: when the file is missing or damaged, or lacks a clip.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        _open(file)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one clip's vector."""
        opened, names = _open(self.file)
        path = Path(results['filename'])
        parts = (path.with_suffix('') if path.is_file() else path).parts
        ends = ('/'.join(parts[start:]) for start in range(len(parts)))
        name = next((end for end in ends if end in names), None)
        if name is None:
            raise ValueError(
                f'{self.file} has no features of {path}: expected one of its {len(names)} names to '
                f'be an end of this path without a suffix, such as {parts[-1]!r}'
            )
        results['text_features'] = opened.get_tensor(name).float()
        return results


@functools.cache
def _open(file: str) -> tuple[Any, frozenset[str]]:
    """A file, opened once in each process, and the names in it."""
    try:
        opened = safe_open(file, framework='pt')
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f'{file} cannot be read as a safetensors file with a vector for each clip ({error})'
        ) from error
    return opened, frozenset(opened.keys())
