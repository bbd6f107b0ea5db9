"""Files that attack their reader, and a canary that shows whether an attack worked.

Each attack says how to write the file, and which unprotected reader it works on: an
attack that never works would prove nothing.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any, NamedTuple
from unittest import mock

import av
import decord
import mmengine
import numpy as np
import open_clip
import torch
import yaml
from bad_clips import encode
from mmengine.config import Config


class Payload:
    """An object whose unpickling opens a file for writing."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return builtins.open, (str(self.marker), 'w')


class Canary:
    """What attacks reach for: ``marker`` is written by their code, ``address`` is a server.

    Attack files lie in ``folder``; they point to the clips in ``secret``.
    """

    def __init__(self, root: Path) -> None:
        self.marker = root / 'code_ran'
        self.folder, self.secret = root / 'given', root / 'secret'
        self.folder.mkdir()
        self.secret.mkdir()
        self.address = ''
        self.requests: list[str] = []
        self.payload = Payload(self.marker)
        self.pickled = pickle.dumps(self.payload, protocol=2)

    def fired(self) -> bool:
        """Whether code ran, or the server was asked."""
        return self.marker.exists() or bool(self.requests)


@contextmanager
def canary_at(root: Path) -> Iterator[Canary]:
    """A canary whose server listens only on this machine."""
    canary = Canary(root)

    class Server(TCPServer):
        def verify_request(self, *_: Any) -> bool:
            canary.requests.append('a connection')
            return True

    class Handler(BaseHTTPRequestHandler):
        timeout = 1

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    # HTTPServer would look up its own name first.
    server = Server(('127.0.0.1', 0), Handler)
    canary.address = f'http://127.0.0.1:{server.server_address[1]}'
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()


class Attack(NamedTuple):
    """``write`` gives the file's content, ``careless`` reads it without protection."""

    write: Callable[[Canary], bytes]
    careless: Callable[[Path], object]


# Checkpoints


def zipped(canary: Canary) -> bytes:
    """As torch.save writes it."""
    file = io.BytesIO()
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'more': canary.payload}, file)
    return file.getvalue()


def by_getattr(canary: Canary) -> bytes:
    """Code run through `getattr`, which MMEngine's own checkpoints need."""
    imported = 'c__builtin__\n__import__\n(S"os"\ntR'
    return f'c__builtin__\ngetattr\n({imported}S"mkdir"\ntR(S"{canary.marker}"\ntR.'.encode()


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
    """An archive like OpenAI's, with a program that runs when it is loaded."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(Program(str(canary.marker))), file)
    return file.getvalue()


def read_twice(canary: Canary) -> bytes:
    """A pickle on which PyTorch's safe reader raises a TypeError; open_clip then uses the other.

    An object with None for its state: `pickle` takes it, PyTorch's own reader does not.
    """
    return b'\x80\x02ccollections\nOrderedDict\n)RNb0' + canary.pickled[2:]


def load_all(path: Path) -> Any:
    return torch.load(path, weights_only=False)


def load_with_open_clip(path: Path) -> Any:
    with mock.patch.dict(os.environ, {'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD': '1'}):
        return open_clip.factory.load_state_dict(str(path))


CHECKPOINTS = {
    'pickle in a zip': Attack(zipped, load_all),
    'bare pickle': Attack(lambda canary: canary.pickled, load_all),
    'getattr': Attack(by_getattr, load_all),
    'TorchScript': Attack(script, torch.jit.load),
    'a pickle that is read twice': Attack(read_twice, load_with_open_clip),
}


# Features, results, prompts


def object_array(canary: Canary) -> bytes:
    file = io.BytesIO()
    np.savez(file, features=np.array([canary.payload], dtype=object), labels=np.zeros(1))
    return file.getvalue()


PICKLE = Attack(lambda canary: canary.pickled, lambda path: pickle.loads(path.read_bytes()))
FEATURES = {
    'objects': Attack(object_array, lambda path: dict(np.load(path, allow_pickle=True))),
    'pickled features': PICKLE,
}
PROMPTS = {
    'yaml': Attack(
        lambda c: f'a: !!python/object/apply:builtins.open [{c.marker}, w]'.encode(),
        lambda path: yaml.unsafe_load(path.read_text()),
    ),
    'json': Attack(
        lambda canary: canary.pickled, lambda path: mmengine.load(path, file_format='pkl')
    ),
    'py': Attack(
        lambda canary: f'open({str(canary.marker)!r}, "w")\nmodel = dict()\n'.encode(),
        Config.fromfile,
    ),
}


# Videos

# What FFmpeg forbids by default, allowed.
EVERYTHING = {
    'protocol_whitelist': 'file,http,tcp,crypto,data,concat',
    'safe': '0',
    'enable_drefs': '1',
    'use_absolute_path': '1',
}
MOVIE = encode('mov', 'mpeg4', movflags='faststart')


def hls(*lines: str) -> bytes:
    return '\n'.join(['#EXTM3U', '#EXT-X-TARGETDURATION:1', *lines, '#EXT-X-ENDLIST\n']).encode()


def ffconcat(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def track_elsewhere(path: str) -> bytes:
    """A QuickTime movie whose samples lie in another file, `MOVIE` at an absolute path."""
    name = path.encode() + b'\0' * (len(path.encode()) % 2)
    names = struct.pack('>HH', 2, len(name)) + name + b'\xff\xff\0\0'
    # Volume and file name are empty, and the path is not relative.
    record = bytes(150) + names
    box = struct.pack('>I4sI', 12 + len(record), b'alis', 0) + record
    start = MOVIE.index(b'dref') + 12
    changed = bytearray(MOVIE[:start] + box + MOVIE[start + 12 :])
    for mark in (b'moov', b'trak', b'mdia', b'minf', b'dinf', b'dref'):
        start = MOVIE.index(mark) - 4
        (size,) = struct.unpack_from('>I', MOVIE, start)
        struct.pack_into('>I', changed, start, size + len(box) - 12)
    # Its own samples are gone.
    start = changed.index(b'mdat') + 4
    return bytes(changed[:start] + bytes(len(changed) - start))


def decode_with_decord(path: Path) -> Any:
    """As MMAction2's DecordInit opens a file: all of it, from memory."""
    return decord.VideoReader(io.BytesIO(path.read_bytes()))


def decode_with_pyav(path: Path) -> Any:
    with av.open(str(path), options=EVERYTHING) as container:
        return [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]


# Attacks on the server fire the canary; the others give a video of the secret folder.
VIDEOS = {
    'HLS to a server': Attack(lambda c: hls('#EXTINF:1,', f'{c.address}/a.ts'), decode_with_decord),
    'HLS with a key': Attack(
        lambda c: hls(
            f'#EXT-X-KEY:METHOD=AES-128,URI="{c.address}/key",IV=0x{0:032}', '#EXTINF:1,', 'a.ts'
        ),
        decode_with_decord,
    ),
    'HLS to a file': Attack(
        lambda c: hls('#EXTINF:1,', f'{c.secret}/secret.ts'), decode_with_decord
    ),
    'ffconcat to a server': Attack(lambda c: ffconcat(f'{c.address}/a.ts'), decode_with_pyav),
    'ffconcat to a file': Attack(lambda c: ffconcat(f'{c.secret}/secret.mp4'), decode_with_pyav),
    'a track in another file': Attack(
        lambda c: track_elsewhere(f'{c.secret}/secret.mov'), decode_with_pyav
    ),
}
