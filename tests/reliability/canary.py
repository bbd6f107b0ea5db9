"""What shows that an attack worked: a file that its code would write, a server it would ask."""

from __future__ import annotations

import builtins
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any


class Payload:
    """An object whose unpickling opens a file for writing."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return builtins.open, (str(self.marker), 'w')


class Canary:
    """A place for attacks: ``folder`` is theirs, ``secret`` is a folder that none may read."""

    def __init__(self, root: Path) -> None:
        self.marker = root / 'code_ran'
        self.folder, self.secret = root / 'given', root / 'secret'
        self.folder.mkdir()
        self.secret.mkdir()
        self.requests: list[str] = []
        self.address = ''

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

    def fired(self) -> bool:
        return self.marker.exists() or bool(self.requests)


@contextmanager
def canary_at(root: Path) -> Iterator[Canary]:
    """A canary whose server listens on this machine alone."""
    canary = Canary(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            canary.requests.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    # Not HTTPServer, which looks its own name up first.
    server = TCPServer(('127.0.0.1', 0), Handler)
    canary.address = f'http://127.0.0.1:{server.server_address[1]}'
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()
