"""The weights of a TorchScript archive, in which OpenAI hands CLIP out, without its program.

``torch.jit.load`` runs what the archive says: an object's ``__setstate__`` can write files. Here
the tensors are taken from the records that hold them, and the program is only looked at for which
of an object's attributes are parameters and buffers.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ...checkpoints.zip_check import is_zip
from .script_pickle import Call, Instance, Name, Stored, read_pickle

# What a program of reasonable size stays below: its texts in bytes, and its objects.
_MOST_TEXT = 64 << 20
_MOST_OBJECTS = 10_000

_DTYPES = {
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'DoubleStorage': torch.float64,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
}
_CLASS = re.compile(r'^class (\w+)\((\w*)\):$', re.MULTILINE)
_LISTED = re.compile(r'^  __(parameters|buffers)__ = \[(.*)\]$', re.MULTILINE)
_SETS_STATE = re.compile(r'^  def __setstate__\b', re.MULTILINE)


def is_script(path: str | Path) -> bool:
    """Whether a file is a TorchScript archive."""
    if not is_zip(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())


def read_script(path: str | Path) -> dict[str, torch.Tensor]:
    """The state dict of the module in a TorchScript archive, on the CPU; shared tensors stay so.

    Raises:
        ValueError: when a tensor is no plain one, or a class makes it by a program; when a record
            is not as long as its tensors need or was changed, or the file is no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _Script(archive, Path(path).stat().st_size).state_dict()
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise ValueError(
            f'a record of the TorchScript archive cannot be read ({reason})'
        ) from error


class _Described(NamedTuple):
    """What the program says of a class."""

    is_module: bool
    sets_state: bool
    parameters: list[str]
    buffers: list[str]


class _Script:
    """An archive's records, and what is made of them."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive, self._size = archive, size
        self._records = {info.filename: info for info in archive.infolist()}
        roots = [name.removesuffix('data.pkl') for name in self._records if _is_data(name)]
        if len(roots) != 1 or len(self._records) != len(archive.infolist()):
            raise ValueError(
                'the TorchScript archive does not hold one module: expected one data.pkl'
            )
        self._root = roots[0]
        claimed = sum(info.compress_size for info in self._records.values())
        if claimed > size:
            raise ValueError(f'records of {claimed} bytes are claimed in a file of {size}')
        order = f'{self._root}byteorder'
        if order in self._records and self._text(order).strip() != b'little':
            raise ValueError('the TorchScript archive is of a big-endian machine: store it again')
        self._storage = cache(self._read_storage)
        self._classes = cache(self._read_classes)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The module's parameters and buffers, and those of the modules in it."""
        top = read_pickle(self._text(f'{self._root}data.pkl'))
        found: dict[str, torch.Tensor] = {}
        waiting = [('', top)]
        for _ in range(_MOST_OBJECTS):
            if not waiting:
                return found
            prefix, module = waiting.pop()
            described = self._describe(module)
            if described.sets_state or not isinstance(module.state, dict):
                raise ValueError(
                    f'{prefix.rstrip(".") or "the module"} of class {module.of.name} makes its '
                    'weights by a program (__setstate__), which is not run: where you trust the '
                    'file, store its state_dict() with torch.save'
                )
            for name in described.parameters + described.buffers:
                # An optional one may be None.
                if module.state.get(name) is not None:
                    found[prefix + name] = self._tensor(prefix + name, module.state[name])
            waiting += reversed(list(self._children(prefix, module.state)))
        raise ValueError(f'the TorchScript archive has more than {_MOST_OBJECTS} modules')

    def _children(self, prefix: str, state: dict[Any, Any]) -> Iterator[tuple[str, Instance]]:
        for name, value in state.items():
            if isinstance(value, Instance) and self._describe(value).is_module:
                yield f'{prefix}{name}.', value

    def _describe(self, module: Any) -> _Described:
        if not isinstance(module, Instance):
            raise ValueError(f'the TorchScript archive holds a {type(module).__name__}, no module')
        described = self._classes(module.of.module).get(module.of.name)
        if described is None:
            raise ValueError(
                f'the TorchScript archive does not describe the class {module.of.name}'
            )
        return described

    def _read_classes(self, module: str) -> dict[str, _Described]:
        """What the text of one module of the program says of its classes."""
        name = f'{self._root}code/{module.replace(".", "/")}.py'
        if name not in self._records:
            return {}
        text = self._text(name).decode(errors='replace')
        starts = [*_CLASS.finditer(text)]
        ends = [start.start() for start in starts[1:]] + [len(text)]
        found = {}
        for start, end in zip(starts, ends, strict=True):
            body = text[start.end() : end]
            lists = {kind: re.findall(r'"([^"]*)"', names) for kind, names in _LISTED.findall(body)}
            found[start[1]] = _Described(
                start[2] == 'Module',
                _SETS_STATE.search(body) is not None,
                lists.get('parameters', []),
                lists.get('buffers', []),
            )
        return found

    def _text(self, name: str) -> bytes:
        """A record that holds no tensor; it may be compressed."""
        if self._records[name].file_size > _MOST_TEXT:
            raise ValueError(f'{name} has {self._records[name].file_size} bytes: too large')
        return self._archive.read(name)

    def _tensor(self, name: str, value: Any) -> torch.Tensor:
        """A tensor from what the pickle says of it, where it lies within its record."""
        rebuilt = Name('torch._utils', '_rebuild_tensor_v2')
        if not isinstance(value, Call) or value.of != rebuilt or len(value.arguments) < 5:
            of = '.'.join(value.of) if isinstance(value, Call) else type(value).__name__
            raise ValueError(f'{name} is no plain tensor, but {of}')
        stored, offset, size, stride = value.arguments[:4]
        place = stored.place if isinstance(stored, Stored) else None
        if not (isinstance(place, tuple) and len(place) == 5 and isinstance(place[1], Name)):
            raise ValueError(f'{name} does not say where its numbers are')
        tuples = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)
        if not tuples or any(
            type(number) is not int or number < 0 for number in (offset, *size, *stride, place[4])
        ):
            raise ValueError(f'the size of {name} is none')
        dtype = _DTYPES.get(place[1].name)
        if place[1].module != 'torch' or dtype is None:
            raise ValueError(f'{name} is of the unknown type {".".join(place[1])}')
        storage = self._storage(str(place[2]))
        room = storage.nbytes() // dtype.itemsize
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        inside = last < room if math.prod(size) else offset <= room
        # Steps of 0 make much of little.
        if not inside or place[4] > room or math.prod(size) * dtype.itemsize > self._size:
            raise ValueError(
                f'{name} claims more than the {storage.nbytes()} bytes of its record: the file is '
                'damaged, or was made to do harm'
            )
        return torch.empty(0, dtype=dtype).set_(storage, offset, size, stride)

    def _read_storage(self, key: str) -> torch.UntypedStorage:
        name = f'{self._root}data/{key}'
        info = self._records.get(name)
        if info is None:
            raise ValueError(f'the record {name} is missing')
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > self._size:
            raise ValueError(f'the record {name} claims {info.file_size} bytes in {self._size}')
        numbers = torch.empty(info.file_size, dtype=torch.uint8)
        rest = numbers.numpy().data
        stream: Any
        with self._archive.open(info) as stream:
            # Reading up to the end is what compares the checksum.
            while count := stream.readinto(rest):
                rest = rest[count:]
        if len(rest):
            raise ValueError(f'the record {name} is {len(rest)} bytes shorter than it claims')
        return numbers.untyped_storage()


def _is_data(name: str) -> bool:
    return name.count('/') == 1 and name.endswith('/data.pkl')
