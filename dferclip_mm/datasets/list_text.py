"""What all list files share: bytes -> text -> lines, clip names, and the error of a line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

# Control characters, lone surrogates, line and paragraph separators.
_REFUSED_CATEGORIES = frozenset(('Cc', 'Cs', 'Zl', 'Zp'))
# Invisible signs: byte order marks, and marks that change the direction of writing.
_REFUSED_SIGNS = frozenset(
    '\ufeff\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'
)
_SHOWN = 80

LineT = TypeVar('LineT')
RowT = TypeVar('RowT')


class ListError(ValueError):
    """A line of a list file that cannot be read.

    Attributes:
        file: the list.
        line: counted from 1; 0 for the whole file.
        expected: what should stand there.
        found: what stands there.
    """

    def __init__(self, file: str, line: int, expected: str, found: str) -> None:
        super().__init__(file, line, expected, found)
        self.file, self.line, self.expected, self.found = file, line, expected, found

    @property
    def reason(self) -> str:
        """The error without its location."""
        found = self.found
        short = found if len(found) <= _SHOWN else found[: _SHOWN - 3] + '...'
        return f'expected {self.expected}, found {short!r}'

    def __str__(self) -> str:
        return f'{place_in(self.file, self.line)}: {self.reason}'


def place_in(file: str, line: int) -> str:
    """A line of a list for messages, or with 0 the list."""
    return f'{file}:{line}' if line else file


def parse_lines(
    lines: Iterable[tuple[int, LineT]], file: str, parse_line: Callable[[LineT, int], RowT | None]
) -> Iterator[RowT | ListError]:
    """The row of each line, or the error of a line that has none.

    Args:
        lines: numbers and contents, as `numbered_lines` gives them.
        file: path of the list, for errors.
        parse_line: from a line and its number to a row, None for a header; it raises a
            `ListError`, whose file and line are filled in here.
    """
    for line, content in lines:
        try:
            row = parse_line(content, line)
        except ListError as error:
            error.file, error.line = file, line
            yield error
        else:
            if row is not None:
                yield row


def check_rows(rows: Iterable[RowT | ListError]) -> list[RowT]:
    """The rows of a list.

    Raises:
        ListError: the first among them.
    """
    checked: list[RowT] = []
    for row in rows:
        if isinstance(row, ListError):
            raise row
        checked.append(row)
    return checked


def decode_list(data: bytes, file: str) -> str:
    """The text of a list file: UTF-8, or else GB18030 (of which GBK is a part), without a BOM.

    Raises:
        ListError: if the bytes are neither.
    """
    reached = 0
    for encoding in ('utf-8-sig', 'gb18030'):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            reached = max(reached, error.start)
    line = data.count(b'\n', 0, reached) + 1
    expected = 'text in UTF-8 or GB18030 (save the file as UTF-8)'
    raise ListError(file, line, expected, repr(data[reached : reached + 8]))


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    # Not str.splitlines: a caption may hold one of the rarer characters that it splits at.
    for line, content in enumerate(re.split('\r\n|\r|\n', text), 1):
        if content.strip():
            yield line, content


def check_reference(clip: str, *, other_machine: bool = False) -> str:
    """The parts of a clip's name in a list, joined by ``/``, in Unicode's form NFC.

    Args:
        clip: the name as it is listed.
        other_machine: whether the name may begin with folders of another machine; they are kept.

    Raises:
        ListError: if the name could lead out of the data root, is a URL, or holds characters
            that no name should have.
    """
    normal = unicodedata.normalize('NFC', clip)
    if any(
        sign in _REFUSED_SIGNS or unicodedata.category(sign) in _REFUSED_CATEGORIES
        for sign in normal
    ):
        raise ListError('', 0, 'a clip without control characters in its name', clip)
    path = normal.replace('\\', '/')
    drive = re.match('[A-Za-z]:', path)
    if not other_machine and (path.startswith('/') or drive):
        raise ListError('', 0, 'a path relative to data_root', clip)
    parts = [part for part in path[2 if drive else 0 :].split('/') if part not in ('', '.')]
    if not parts or any(not part.strip('. ') for part in parts):
        raise ListError('', 0, "a clip below data_root without '..'", clip)
    reference = '/'.join(parts)
    # A URL, or another drive, perhaps hidden behind './' or a drive.
    if re.match('[A-Za-z][A-Za-z0-9+.-]*:', reference) or parts[0] == '~':
        raise ListError('', 0, 'a clip below data_root, not a URL', clip)
    if reference.strip().strip('"') != reference:
        raise ListError('', 0, 'a clip without blanks or quotes around its name', clip)
    return reference
