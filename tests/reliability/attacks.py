"""Files that attack their reader, and a canary that shows whether an attack worked.

Each attack is a function from the canary to the content of its file.
"""

from __future__ import annotations

import builtins
import io
import pickle
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

import numpy as np
import torch
from bad_clips import encode


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


# Checkpoints


def pickled(canary: Canary) -> bytes:
    return canary.pickled


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


CHECKPOINTS = {
    'pickle in a zip': zipped,
    'bare pickle': pickled,
    'getattr': by_getattr,
    'TorchScript': script,
    'a pickle that is read twice': read_twice,
}


# Features, results, prompts


def object_array(canary: Canary) -> bytes:
    file = io.BytesIO()
    np.savez(file, features=np.array([canary.payload], dtype=object), labels=np.zeros(1))
    return file.getvalue()


FEATURES = {'objects': object_array, 'pickled features': pickled}
PROMPTS = {
    'yaml': lambda c: f'a: !!python/object/apply:builtins.open [{c.marker}, w]'.encode(),
    'json': pickled,
    'py': lambda c: f'open({str(c.marker)!r}, "w")\nmodel = dict()\n'.encode(),
}


# Videos

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


VIDEOS = {
    'HLS to a server': lambda c: hls('#EXTINF:1,', f'{c.address}/a.ts'),
    'HLS with a key': lambda c: hls(
        f'#EXT-X-KEY:METHOD=AES-128,URI="{c.address}/key",IV=0x{0:032}', '#EXTINF:1,', 'a.ts'
    ),
    'HLS to a file': lambda c: hls('#EXTINF:1,', f'{c.secret}/secret.ts'),
    'ffconcat to a server': lambda c: ffconcat(f'{c.address}/a.ts'),
    'ffconcat to a file': lambda c: ffconcat(f'{c.secret}/secret.mp4'),
    'a track in another file': lambda c: track_elsewhere(f'{c.secret}/secret.mov'),
}
