"""A list on the disk that grows by whole lines, and survives a kill at any moment."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, get_type_hints


class _Record(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


R = TypeVar('R', bound=_Record)


class Journal(Generic[R]):
    """Records of one kind, a JSON object in each line; one process writes at a time.

    A line without its end was cut off by a kill and does not count.

    Args:
        path: of the file; nothing is made before `writing`.
        kind: a NamedTuple of plain fields.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path, self.kind = path, kind
        self._fields = get_type_hints(kind)

    def read(self) -> list[R]:
        """All records, in the order in which they were written; none without a file.

        Raises:
            ValueError: naming a line that holds something else.
        """
        data = self.path.read_bytes() if self.path.is_file() else b''
        # At this byte alone: str.splitlines would split at characters of a clip's name.
        lines = data.split(b'\n')[:-1]
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out, and cut off what a kill left of a line.

        Raises:
            BlockingIOError: when another process writes.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open('a+b') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(
                    f'{self.path.parent} is being written by another process: wait for it'
                ) from None
            file.seek(0)
            file.truncate(file.read().rfind(b'\n') + 1)
            self._file = file
            yield

    def append(self, records: Iterable[R]) -> None:
        """Write records, within `writing`; they are on the disk when this returns."""
        # ASCII: names that are no UTF-8 have a form there, too.
        lines = ''.join(json.dumps(record._asdict()) + '\n' for record in records)
        self._file.write(lines.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _parse(self, number: int, line: bytes) -> R:
        try:
            found = json.loads(line)
            whole = isinstance(found, dict) and found.keys() == self._fields.keys()
            if whole and all(type(found[key]) is kind for key, kind in self._fields.items()):
                return self.kind(**found)
        except (ValueError, RecursionError):
            pass
        raise ValueError(
            f'{self.path}, line {number}: expected {", ".join(self._fields)} as JSON, found '
            f'{line[:80]!r}: delete this line, and its clip is done again'
        )
