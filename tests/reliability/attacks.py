"""Files that would run code where they are read without protection: each writes a marker."""

from __future__ import annotations

import builtins
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Payload:
    """An object whose unpickling opens a file for writing."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return builtins.open, (str(self.marker), 'w')


class Program(torch.nn.Module):
    """A TorchScript module that writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self):  # type: ignore[no-untyped-def]
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path, self.training = state[0], state[1]
        torch.from_file(self.path, shared=True, size=4).fill_(7.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def pickled(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker), protocol=2)


def zipped(marker: Path) -> bytes:
    """As torch.save writes it."""
    file = io.BytesIO()
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'more': Payload(marker)}, file)
    return file.getvalue()


def by_getattr(marker: Path) -> bytes:
    """Code run through `getattr`, which MMEngine's own checkpoints need."""
    imported = 'c__builtin__\n__import__\n(S"os"\ntR'
    return f'c__builtin__\ngetattr\n({imported}S"mkdir"\ntR(S"{marker}"\ntR.'.encode()


def script(marker: Path) -> bytes:
    """An archive like OpenAI's, with a program that runs when it is loaded."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(Program(str(marker))), file)
    return file.getvalue()


def read_twice(marker: Path) -> bytes:
    """A pickle on which PyTorch's safe reader raises a TypeError; open_clip then uses the other.

    An object with None for its state: `pickle` takes it, PyTorch's own reader does not.
    """
    return b'\x80\x02ccollections\nOrderedDict\n)RNb0' + pickled(marker)[2:]


def object_array(marker: Path) -> bytes:
    """Features of tools/extract_features.py, with an object among them."""
    file = io.BytesIO()
    np.savez(file, features=np.array([Payload(marker)], dtype=object), labels=np.zeros(1))
    return file.getvalue()


CHECKPOINTS = {
    'pickle in a zip': zipped,
    'bare pickle': pickled,
    'getattr': by_getattr,
    'TorchScript': script,
    'a pickle that is read twice': read_twice,
}
FEATURES = {'objects': object_array, 'pickled features': pickled}
PROMPTS = {
    'yaml': lambda marker: f'a: !!python/object/apply:builtins.open [{marker}, w]'.encode(),
    'json': pickled,
    'py': lambda marker: f'open({str(marker)!r}, "w")\nmodel = dict()\n'.encode(),
}
