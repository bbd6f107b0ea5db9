"""What shows that an attack worked: a file that its code writes, a server, a watched folder."""

from __future__ import annotations

import builtins
import ctypes
import os
import pickle
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

# Whether what is read is seen: Linux tells who asks.
WATCHES = sys.platform == 'linux'
_ACCESSED, _OPENED, _FOLDER = 0x1, 0x20, 1 << 30


class Payload:
    """An object whose unpickling opens a file for writing."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return builtins.open, (str(self.marker), 'w')


class Watch:
    """Sees files that are opened in a folder and in those below it, once it was set."""

    def __init__(self) -> None:
        self._handle = -1
        self._seen: list[str] = []

    def set(self, folder: Path) -> None:
        """Watch a folder and what is in it by now."""
        if not WATCHES:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK)
        for place in [found[0] for found in os.walk(folder)]:
            number = libc.inotify_add_watch(self._handle, place.encode(), _ACCESSED | _OPENED)
            assert number > 0, os.strerror(ctypes.get_errno())

    @property
    def seen(self) -> list[str]:
        """Names of the files that were opened or read; that a folder was listed does not count."""
        while self._handle >= 0:
            try:
                events = os.read(self._handle, 1 << 16)
            except BlockingIOError:
                break
            while events:
                _, what, _, length = struct.unpack_from('iIII', events)
                if not what & _FOLDER:
                    self._seen.append(events[16 : 16 + length].rstrip(b'\0').decode())
                events = events[16 + length :]
        return self._seen

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)


class Canary:
    """A place for attacks: ``folder`` is theirs, ``secret`` is a folder that none may read."""

    def __init__(self, root: Path) -> None:
        self.marker = root / 'code_ran'
        self.folder, self.secret = root / 'given', root / 'secret'
        self.folder.mkdir()
        self.secret.mkdir()
        self.requests: list[str] = []
        self.address = ''
        self.watch = Watch()

    @property
    def payload(self) -> Payload:
        return Payload(self.marker)

    @property
    def pickled(self) -> bytes:
        return pickle.dumps(self.payload, protocol=2)

    @property
    def code(self) -> str:
        """A Python text that a config would be executed as."""
        return f"open({str(self.marker)!r}, 'w')\nmodel = dict()\n"

    def fired(self) -> list[str]:
        """What an attack reached: code that ran, requests of the server, secrets that were read."""
        code = ['code ran'] if self.marker.exists() else []
        return code + self.requests + [f'{name} was read' for name in self.watch.seen]


@contextmanager
def canary_at(root: Path) -> Iterator[Canary]:
    """A canary whose server listens on this machine alone."""
    canary = Canary(root)

    class Server(TCPServer):
        def verify_request(self, *_: Any) -> bool:
            # Whatever it says next.
            canary.requests.append('a connection')
            return True

    class Handler(BaseHTTPRequestHandler):
        timeout = 1

        def do_GET(self) -> None:
            canary.requests.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    # Not HTTPServer, which looks its own name up first.
    server = Server(('127.0.0.1', 0), Handler)
    canary.address = f'http://127.0.0.1:{server.server_address[1]}'
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()
        canary.watch.close()
