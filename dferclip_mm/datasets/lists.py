"""The corpora's list files: text -> rows.

Pure functions; nothing here looks for a clip on the disk. Every number becomes a name at once,
because a number means something only beside the class order of the list that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..emotions import emotion_of


@dataclass(frozen=True)
class Row:
    """One clip of a list.

    ``clip`` is its reference, parts joined by ``/``; ``label`` an emotion, or several joined by
    ``_``; ``line`` counts from 1 and is 0 where no list exists. ``foreign`` says that the
    reference may begin with folders of another machine.
    """

    clip: str
    label: str
    line: int = 0
    num_frames: int | None = None
    chinese: str = ''
    english: str = ''
    foreign: bool = False


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


def parse_csv(text: str, file: str, classes: Sequence[str]) -> list[Row]:
    """DFEW's ``video_name,label``: labels count from 1, bare numbers are padded to five digits.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in _lines(text, file):
        name, comma, number = (part.strip(' "\t') for part in content.rpartition(','))
        if not rows and (name.lower(), number.lower()) == ('video_name', 'label'):
            continue
        if not comma:
            raise _unexpected(file, line, "'video_name,label'", content)
        label = _numbered_label(number, classes, 1, file, line)
        clip = name.zfill(5) if re.fullmatch('[0-9]+', name) else name
        rows.append(Row(_checked_reference(clip, file, line), label, line))
    return rows


def parse_words(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> list[Row]:
    """FERV39k's and MAFW's ``clip word``; the clip's name may hold spaces.

    Args:
        compound: whether a label may join several emotions by ``_``.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in _lines(text, file):
        clip, *word = content.strip().rsplit(None, 1)
        if not word:
            raise _unexpected(file, line, "'clip emotion'", content)
        label = _named_label(word[0], classes, compound, file, line)
        rows.append(Row(_checked_reference(clip, file, line), label, line))
    return rows


def parse_captions(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> list[Row]:
    """MAFW's lists with captions: clip, word, Chinese and English sentence between tabs.

    A sentence that is missing is ``''``.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in _lines(text, file):
        clip, *rest = (part.strip() for part in content.split('\t', 3))
        if not rest:
            expected = "'clip<tab>emotion<tab>Chinese caption<tab>English caption'"
            raise _unexpected(file, line, expected, content)
        word, chinese, english = (*rest, '', '')[:3]
        label = _named_label(word, classes, compound, file, line)
        reference = _checked_reference(clip, file, line)
        rows.append(Row(reference, label, line, chinese=chinese, english=' '.join(english.split())))
    return rows


def is_counted(text: str) -> bool:
    """Whether a list is of the form that :func:`parse_counted` reads, by its first clip."""
    first = next((line for line in _split_lines(text) if line.strip()), '')
    return re.search(r'\S\s+[-+]?[0-9]+\s+[-+]?[0-9]+\s*$', first) is not None


def parse_counted(text: str, file: str, classes: Sequence[str]) -> list[Row]:
    """The lists that circulate with DFER-CLIP: ``path num_frames label``, labels from 0.

    The paths are those of whoever made the list, so they may be absolute; which trailing part
    names the clip is for the reader of the disk to find out.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in _lines(text, file):
        clip, *numbers = content.strip().rsplit(None, 2)
        if len(numbers) != 2:
            raise _unexpected(file, line, "'path num_frames label'", content)
        if not re.fullmatch('[0-9]{1,9}', numbers[0]) or int(numbers[0]) == 0:
            raise _unexpected(file, line, 'a positive number of frames', numbers[0])
        label = _numbered_label(numbers[1], classes, 0, file, line)
        reference = _checked_reference(clip, file, line, foreign=True)
        rows.append(Row(reference, label, line, num_frames=int(numbers[0]), foreign=True))
    return rows


def _unexpected(file: str, line: int, expected: str, found: str) -> ValueError:
    short = found if len(found) <= 80 else found[:77] + '...'
    return ValueError(f'{file}:{line}: expected {expected}, found {short!r}')


def _split_lines(text: str) -> list[str]:
    # Not str.splitlines: a caption may hold one of the rarer characters that it splits at.
    return re.split('\r\n|\r|\n', text)


def _lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    for line, content in enumerate(_split_lines(text), 1):
        if '\0' in content:
            raise _unexpected(file, line, 'text (UTF-8 or GB18030)', content)
        if content.strip():
            yield line, content


def _numbered_label(number: str, classes: Sequence[str], first: int, file: str, line: int) -> str:
    last = first + len(classes) - 1
    if not re.fullmatch('[0-9]{1,9}', number) or not first <= int(number) <= last:
        raise _unexpected(file, line, f'a label from {first} to {last}', number)
    return classes[int(number) - first]


def _named_label(word: str, classes: Sequence[str], compound: bool, file: str, line: int) -> str:
    names = []
    for part in word.split('_') if compound else [word]:
        try:
            names.append(emotion_of(part))
        except ValueError as error:
            raise ValueError(f'{file}:{line}: {error}') from None
        if names[-1] not in classes:
            raise _unexpected(file, line, f'one of {", ".join(classes)}', word)
    return '_'.join(names)


def _checked_reference(clip: str, file: str, line: int, *, foreign: bool = False) -> str:
    """The parts of a reference joined by ``/``, refused where it could leave the data root."""
    if re.match(r'[A-Za-z][A-Za-z0-9+.-]+:', clip):
        raise _unexpected(file, line, 'a clip below data_root and no URL', clip)
    path = clip.replace('\\', '/')
    drive = re.match('[A-Za-z]:', path)
    if not foreign and (path.startswith('/') or drive):
        raise _unexpected(file, line, 'a path relative to data_root', clip)
    parts = [part for part in path[2 if drive else 0 :].split('/') if part not in ('', '.')]
    if not parts or '..' in parts:
        raise _unexpected(file, line, "a clip below data_root without '..'", clip)
    return '/'.join(parts)
