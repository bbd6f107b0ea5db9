"""The corpora's list files: text -> rows, and rows -> text.

Pure functions; nothing here looks for a clip on the disk. Every number becomes a name at once,
because a number means something only beside the class order of the list that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

from ..emotions import emotion_of
from .list_text import checked_reference, numbered_lines, split_lines, unexpected


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


def parse_dfew_csv(text: str, file: str, classes: Sequence[str]) -> list[Row]:
    """DFEW's ``video_name,label``: labels count from 1, bare numbers are padded to five digits.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in numbered_lines(text, file):
        name, comma, number = (part.strip(' "\t') for part in content.rpartition(','))
        if not rows and (name.lower(), number.lower()) == ('video_name', 'label'):
            continue
        if not comma:
            raise unexpected(file, line, "'video_name,label'", content)
        label = _numbered_label(number, classes, 1, file, line)
        clip = checked_reference(name, file, line)
        rows.append(Row(clip.zfill(5) if re.fullmatch('[0-9]+', clip) else clip, label, line))
    return rows


def parse_ferv39k_list(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> list[Row]:
    """FERV39k's and MAFW's ``clip word``; the clip's name may hold spaces.

    Args:
        compound: whether a label may join several emotions by ``_``.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in numbered_lines(text, file):
        clip, *word = content.strip().rsplit(None, 1)
        if not word:
            raise unexpected(file, line, "'clip emotion'", content)
        label = _named_label(word[0], classes, compound, file, line)
        rows.append(Row(checked_reference(clip, file, line), label, line))
    return rows


def parse_mafw_captions(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> list[Row]:
    """MAFW's lists with captions: clip, word, Chinese and English sentence between tabs.

    A sentence that is missing is ``''``.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in numbered_lines(text, file):
        clip, *rest = (part.strip() for part in content.split('\t', 3))
        if not rest:
            expected = "'clip<tab>emotion<tab>Chinese caption<tab>English caption'"
            raise unexpected(file, line, expected, content)
        word, chinese, english = (*rest, '', '')[:3]
        label = _named_label(word, classes, compound, file, line)
        reference = checked_reference(clip, file, line)
        rows.append(
            Row(reference, label, line, chinese=_sentence(chinese), english=_sentence(english))
        )
    return rows


def is_dferclip_list(text: str) -> bool:
    """Whether a list is of the form that :func:`parse_dferclip_list` reads, by its first clip."""
    first = next((line for line in split_lines(text) if line.strip()), '')
    return re.search(r'\S\s+[-+]?[0-9]+\s+[-+]?[0-9]+\s*$', first) is not None


def parse_dferclip_list(text: str, file: str, classes: Sequence[str]) -> list[Row]:
    """The lists that circulate with DFER-CLIP: ``path num_frames label``, labels from 0.

    The paths are those of whoever made the list, so they may be absolute; which trailing part
    names the clip is for the reader of the disk to find out.

    Raises:
        ValueError: at the first line of another form, naming file and line.
    """
    rows: list[Row] = []
    for line, content in numbered_lines(text, file):
        clip, *numbers = content.strip().rsplit(None, 2)
        if len(numbers) != 2:
            raise unexpected(file, line, "'path num_frames label'", content)
        if not re.fullmatch('[0-9]{1,9}', numbers[0]) or int(numbers[0]) == 0:
            raise unexpected(file, line, 'a positive number of frames', numbers[0])
        label = _numbered_label(numbers[1], classes, 0, file, line)
        reference = checked_reference(clip, file, line, foreign=True)
        rows.append(Row(reference, label, line, num_frames=int(numbers[0]), foreign=True))
    return rows


def write_csv(rows: Sequence[Row], classes: Sequence[str]) -> str:
    """The text that :func:`parse_dfew_csv` reads as these rows, their lines aside.

    Raises:
        ValueError: when a row cannot be told in this form, here as in the other writers.
    """
    lines = [f'{row.clip},{_number(row, classes) + 1}' for row in rows]
    return _read_back(['video_name,label', *lines], rows, classes, parse_dfew_csv)


def write_words(rows: Sequence[Row], classes: Sequence[str]) -> str:
    """The text that :func:`parse_ferv39k_list` reads as these rows, compound labels included."""
    lines = [f'{row.clip} {row.label}' for row in rows]
    return _read_back(lines, rows, classes, partial(parse_ferv39k_list, compound=True))


def write_captions(rows: Sequence[Row], classes: Sequence[str]) -> str:
    """The text that :func:`parse_mafw_captions` reads as these rows, compound labels included."""
    lines = [f'{row.clip}\t{row.label}\t{row.chinese}\t{row.english}' for row in rows]
    return _read_back(lines, rows, classes, partial(parse_mafw_captions, compound=True))


def write_counted(rows: Sequence[Row], classes: Sequence[str]) -> str:
    """The text that :func:`parse_dferclip_list` reads as these rows."""
    lines = [f'{row.clip} {row.num_frames} {_number(row, classes)}' for row in rows]
    return _read_back(lines, rows, classes, parse_dferclip_list)


def _number(row: Row, classes: Sequence[str]) -> int:
    if row.label not in classes:
        raise ValueError(f'{row.clip!r}: {row.label!r} is not one of {", ".join(classes)}')
    return list(classes).index(row.label)


def _read_back(
    lines: list[str], rows: Sequence[Row], classes: Sequence[str], parse: Callable[..., list[Row]]
) -> str:
    """The lines as a file's text, once they were seen to be read as what was to be written."""
    text = ''.join(f'{line}\n' for line in lines)
    read = [replace(row, line=0) for row in parse(text, 'the list to be written', classes)]
    for row, again in zip_longest([replace(row, line=0) for row in rows], read):
        if row != again:
            raise ValueError(f'this form of list cannot hold {row}: it would be read as {again}')
    return text


def _numbered_label(number: str, classes: Sequence[str], first: int, file: str, line: int) -> str:
    last = first + len(classes) - 1
    if not re.fullmatch('[0-9]{1,9}', number) or not first <= int(number) <= last:
        raise unexpected(file, line, f'a label from {first} to {last}', number)
    return classes[int(number) - first]


def _named_label(word: str, classes: Sequence[str], compound: bool, file: str, line: int) -> str:
    names = []
    for part in word.split('_') if compound else [word]:
        try:
            names.append(emotion_of(part))
        except ValueError as error:
            raise ValueError(f'{file}:{line}: {error}') from None
        if names[-1] not in classes:
            raise unexpected(file, line, f'one of {", ".join(classes)}', word)
    if len(set(names)) < len(names):
        raise unexpected(file, line, 'each emotion of a compound once', word)
    return '_'.join(names)


def _sentence(text: str) -> str:
    """A caption with one blank where it had several, or control characters."""
    return ' '.join(re.sub(r'[\x00-\x1f\x7f-\x9f]', ' ', text).split())
