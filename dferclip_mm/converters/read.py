"""Read a foreign checkpoint without executing anything from the file."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoints.zip_check import verify_zip_checksums
from .errors import ConversionError


class RecorderMeter:
    """Takes the place of the plotting object that DFER-CLIP's files pickle from ``__main__``."""


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
    # On its way out, the context manager takes away what stood on the list before as well.
    known = torch.serialization.get_safe_globals()
    return [entry for entry in needed if entry not in known]


def read_checkpoint(path: str | Path) -> Any:
    """What a checkpoint file holds, on the CPU.

    Allowed are tensors, plain containers and what DFER-CLIP's published files pickle beside them.

    Raises:
        ConversionError: when there is no such file, it is damaged, was changed after it was
            written or is no PyTorch file, or it asks for anything else to be imported; that is
            named, and nothing of it is run.
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
        asked = re.search(r'GLOBAL (\S+)|asks for (attribute .+?), which', str(error))
        if asked:
            raise ConversionError(
                f'{path} asks for {asked[1] or asked[2]}, which no checkpoint of DFER-CLIP or '
                'EmoCLIP needs: it was refused and nothing of the file was run; do not load it'
            ) from error
        if 'TorchScript' in str(error):
            raise ConversionError(
                f'{path} is a TorchScript program, as OpenAI hands out CLIP: no checkpoint of '
                'DFER-CLIP or EmoCLIP is one; name the file as `pretrained` of the CLIP towers'
            ) from error
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ConversionError(
            f'{path} ({Path(path).stat().st_size} bytes) cannot be read as a PyTorch checkpoint: '
            f'it is damaged, cut short or something else; download it again ({reason[:160]})'
        ) from error
