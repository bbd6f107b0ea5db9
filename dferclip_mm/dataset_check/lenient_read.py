"""Reading a list on behind its wrong lines, each of which is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..datasets.list_text import decode_list
from ..datasets.scores import lines_of_record
from .findings import Finding

# So many wrong lines are named; more of them are a list of another form.
MAX_LINES = 100


class _WithoutLines:
    """A list file that some lines were blanked in; it stands for its path."""

    def __init__(self, path: Path, lines: set[int]) -> None:
        self._path, self._lines = path, lines

    def __str__(self) -> str:
        return str(self._path)

    def read_bytes(self) -> bytes:
        parts = split_lines(self._path.read_bytes())
        # Ends of lines stand between the lines.
        return b''.join(
            b'' if index % 2 == 0 and index // 2 + 1 in self._lines else part
            for index, part in enumerate(parts)
        )


def split_lines(data: bytes) -> list[bytes]:
    """Lines and, between them, their ends; together the data again."""
    return re.split(rb'(\r\n|\r|\n)', data)


def read_on(
    read: Callable[[Any], list], path: Path, *, csv: bool = False
) -> tuple[list, list[Finding]]:
    """Read a list, again without each line that it stops at; its lines keep their numbers.

    Args:
        read: from the path to the rows; a ValueError begins with path and line.
        path: of the list.
        csv: whether it has a header, and records that may take several lines.
    """
    wrong: set[int] = set()
    findings: list[Finding] = []
    while True:
        left = _WithoutLines(path, wrong)
        try:
            return read(left), findings
        except ValueError as error:
            found = re.match(rf'{re.escape(str(path))}:(\d+): (.*)', str(error), re.DOTALL)
            line = int(found[1]) if found else 0
            message = found[2] if found else str(error)
            lines = _wrong_lines(left, line) if csv and line else [line]
            if not line or set(lines) <= wrong or (csv and lines[0] == 1):
                return [], [*findings, Finding('settings', message, '', ((str(path), line),))]
            wrong.update(lines)
            places = tuple((str(path), each) for each in lines)
            findings.append(Finding('list line', message, '', places))
            if len(findings) == MAX_LINES:
                message = f'{MAX_LINES} wrong lines, and perhaps more: is it a list of this corpus?'
                return [], [*findings, Finding('settings', message, '', ((str(path), 0),))]


def _wrong_lines(left: _WithoutLines, line: int) -> list[int]:
    """The lines of a wrong record, the one that the error names before the others."""
    lines = [*lines_of_record(decode_list(left.read_bytes(), str(left)), line)]
    return sorted(lines, key=lambda each: each != line)
