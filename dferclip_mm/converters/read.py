"""Read a published checkpoint without executing anything from the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoints.load import read_checkpoint


class RecorderMeter:
    """Stands for the plotting object that DFER-CLIP's files pickle from ``__main__``."""


def _allowed() -> list[Any]:
    # numpy 1 and numpy 2 name the same function differently; a file may come from either.
    reconstruct = np.ndarray(0).__reduce__()[0]
    needed: list[Any] = [
        (RecorderMeter, '__main__.RecorderMeter'),
        np.ndarray,
        np.dtype,
        type(np.dtype('float32')),
        (reconstruct, 'numpy.core.multiarray._reconstruct'),
        (reconstruct, 'numpy._core.multiarray._reconstruct'),
    ]
    # The context manager removes on exit what was on the list before as well.
    known = torch.serialization.get_safe_globals()
    return [entry for entry in needed if entry not in known]


def read_published(path: str | Path) -> Any:
    """The content of a published checkpoint file, on the CPU.

    Allowed are tensors, plain containers and what DFER-CLIP's published files pickle beside them.

    Raises:
        FileNotFoundError, ValueError: as `checkpoints.load.read_checkpoint` does.
    """
    with torch.serialization.safe_globals(_allowed()):
        return read_checkpoint(path)
