"""Read a published checkpoint without executing anything from the file."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoints.load import verify_zip_checksums
from .converted import ConversionError


class RecorderMeter:
    """Stands for the plotting object that DFER-CLIP's files pickle from ``__main__``."""


def _allowed() -> list[Any]:
    try:
        multiarray = importlib.import_module('numpy._core.multiarray')
    except ImportError:
        multiarray = importlib.import_module('numpy.core.multiarray')
    needed: list[Any] = [
        (RecorderMeter, '__main__.RecorderMeter'),
        np.ndarray,
        np.dtype,
        type(np.dtype('float32')),
        # numpy 1 and numpy 2 name the same function differently; a file may come from either.
        (multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
        (multiarray._reconstruct, 'numpy._core.multiarray._reconstruct'),
    ]
    # The context manager removes on exit what was on the list before as well.
    known = torch.serialization.get_safe_globals()
    return [entry for entry in needed if entry not in known]


def read_checkpoint(path: str | Path) -> Any:
    """The content of a checkpoint file, on the CPU.

    Allowed are tensors, plain containers and what DFER-CLIP's published files pickle beside them.

    Raises:
        ConversionError: when there is no such file, it is damaged, changed or not a PyTorch file,
            or it asks for any other import, which is named and not run.
    """
    if not Path(path).is_file():
        raise ConversionError(f'no checkpoint at {path} (seen from {Path.cwd()})')
    try:
        verify_zip_checksums(path)
    except ValueError as error:
        raise ConversionError(str(error)) from error
    try:
        with torch.serialization.safe_globals(_allowed()):
            return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # damaged files raise whatever zip, pickle and torch raise
        raise ConversionError(_explain(path, str(error) or type(error).__name__)) from error


def _explain(path: str | Path, reason: str) -> str:
    asked = re.search(r'GLOBAL (\S+)|asks for (attribute .+?), which', reason)
    if asked:
        return (
            f'{path} asks for {asked[1] or asked[2]}, which no checkpoint of DFER-CLIP or EmoCLIP '
            'needs: it was refused and nothing of the file was run; do not load it'
        )
    if 'TorchScript' in reason:
        return (
            f'{path} is a TorchScript program, like the files of CLIP that OpenAI distributes, and '
            'no checkpoint of DFER-CLIP or EmoCLIP: name it as `pretrained` of the CLIP towers'
        )
    return (
        f'{path} ({Path(path).stat().st_size} bytes) cannot be read as a PyTorch checkpoint: it is '
        f'damaged, truncated or another file ({" ".join(reason.split())[:160]}); download it again'
    )
