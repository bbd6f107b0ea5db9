"""What every list file goes through: bytes -> numbered lines, and a clip's name -> reference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Beside control characters, what turns a name around or cuts a line in two without being seen.
_REFUSED_CATEGORIES = frozenset(('Cc', 'Cs', 'Zl', 'Zp'))
_REFUSED_SIGNS = frozenset(
    '\ufeff\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'
)


def decode_list(data: bytes, file: str) -> str:
    """The text of a list file: UTF-8, or else GB18030 (which GBK is a part of); a BOM is dropped.

    Raises:
        ValueError: when the bytes are neither.
    """
    reached = 0
    for encoding in ('utf-8-sig', 'gb18030'):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            reached = max(reached, error.start)
    line = data.count(b'\n', 0, reached) + 1
    raise ValueError(
        f'{file}:{line}: expected text in UTF-8 or GB18030 (both were tried), found bytes that '
        'are neither: save the file as UTF-8'
    )


def split_lines(text: str) -> list[str]:
    """The lines of a text that ends them as Unix, Windows or old Macs do."""
    # Not str.splitlines: a caption may hold one of the rarer characters that it splits at.
    return re.split('\r\n|\r|\n', text)


def numbered_lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1.

    Raises:
        ValueError: at a line with NUL, which no text has.
    """
    for line, content in enumerate(split_lines(text), 1):
        if '\0' in content:
            raise unexpected(file, line, 'text (UTF-8 or GB18030)', content)
        if content.strip():
            yield line, content


def unexpected(file: str, line: int, expected: str, found: str) -> ValueError:
    """The error of a line that is not as expected."""
    short = found if len(found) <= 80 else found[:77] + '...'
    place = f'{file}:{line}' if line else file
    return ValueError(f'{place}: expected {expected}, found {short!r}')


def checked_reference(clip: str, file: str, line: int = 0, *, foreign: bool = False) -> str:
    """The parts of a clip's name joined by ``/``, in Unicode's form NFC.

    Args:
        clip: the name as it is listed.
        file: the list, for error messages.
        line: there, for error messages; 0 for none.
        foreign: whether the name may begin with folders of another machine; they are kept.

    Raises:
        ValueError: when the name could lead out of the data root, is a URL, or holds characters
            that no name should have.
    """
    normal = unicodedata.normalize('NFC', clip)
    if any(
        sign in _REFUSED_SIGNS or unicodedata.category(sign) in _REFUSED_CATEGORIES
        for sign in normal
    ):
        raise unexpected(file, line, 'a clip without control characters in its name', clip)
    path = normal.replace('\\', '/')
    drive = re.match('[A-Za-z]:', path)
    if _is_url(path):
        raise unexpected(file, line, 'a clip below data_root and no URL', clip)
    if not foreign and (path.startswith('/') or drive):
        raise unexpected(file, line, 'a path relative to data_root', clip)
    parts = [part for part in path[2 if drive else 0 :].split('/') if part not in ('', '.')]
    if not parts or any(not part.strip('. ') for part in parts):
        raise unexpected(file, line, "a clip below data_root without '..'", clip)
    reference = '/'.join(parts)
    # What was hidden behind './' or a drive must not come to the front.
    if _is_url(reference) or re.match('[A-Za-z]:', reference) or parts[0] == '~':
        raise unexpected(file, line, 'a clip below data_root and no URL', clip)
    if reference.strip().strip('"') != reference:
        raise unexpected(file, line, 'a clip without blanks or quotes around its name', clip)
    return reference


def _is_url(path: str) -> bool:
    return re.match(r'[A-Za-z][A-Za-z0-9+.-]+:', path) is not None
