"""The corpora's list files: text -> rows.

Pure functions; nothing here looks for a clip on the disk. Each yields a `Row` for every line, or
the `ListError` of a line in another form: a run raises the first, ``tools/check_dataset.py``
reports all. Every number becomes a name at once, because a number only has a meaning beside the
class order of its list.

Formats, as their owners distribute them:

- DFEW (https://dfew-dataset.github.io): ``EmoLabel_DataSplit/*/set_N.csv``
- FERV39k (https://wangyanckxx.github.io/Proj_CVPR2022_FERV39k.html): ``4_setups/All_scenes/*.csv``
- MAFW (https://mafw-database.github.io/MAFW): ``Train & Test Set/*/*/set_N/*.txt``
- DFER-CLIP (https://github.com/zengqunzhao/DFER-CLIP): ``annotation/*.txt``
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..emotions import emotion_of
from .list_text import ListError, check_reference, parse_lines, split_lines


@dataclass(frozen=True)
class Row:
    """One clip of a list.

    Attributes:
        clip: its reference, parts joined by ``/``.
        label: an emotion, or several joined by ``_``.
        line: counted from 1; 0 where there is no list.
        num_frames: as listed.
        chinese: caption; ``''`` for none.
        english: caption; ``''`` for none.
        path_from_other_machine: whether the reference may begin with folders of another machine.
    """

    clip: str
    label: str
    line: int = 0
    num_frames: int | None = None
    chinese: str = ''
    english: str = ''
    path_from_other_machine: bool = False


Rows = Iterator[Row | ListError]


def parse_dfew_csv(text: str, file: str, classes: Sequence[str]) -> Rows:
    """DFEW's ``video_name,label``: labels count from 1, numbers are padded to five digits."""
    begun = False

    def parse(content: str, line: int) -> Row | None:
        nonlocal begun
        first, begun = not begun, True
        name, comma, number = (part.strip(' "\t') for part in content.rpartition(','))
        if first and (name.lower(), number.lower()) == ('video_name', 'label'):
            return None
        if not comma:
            raise ListError('', 0, "'video_name,label'", content)
        label = _numbered_label(number, classes, 1)
        clip = check_reference(name)
        return Row(clip.zfill(5) if re.fullmatch('[0-9]+', clip) else clip, label, line)

    return parse_lines(text, file, parse)


def parse_ferv39k_list(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> Rows:
    """FERV39k's and MAFW's ``clip word``; the clip's name may hold spaces.

    Args:
        text: of the list.
        file: its path, for errors.
        classes: the emotions that a label may name.
        compound: whether a label may join several emotions by ``_``.
    """

    def parse(content: str, line: int) -> Row:
        clip, *word = content.strip().rsplit(None, 1)
        if not word:
            raise ListError('', 0, "'clip emotion'", content)
        label = _named_label(word[0], classes, compound)
        return Row(check_reference(clip), label, line)

    return parse_lines(text, file, parse)


def parse_mafw_captions(
    text: str, file: str, classes: Sequence[str], *, compound: bool = False
) -> Rows:
    """MAFW's lists with captions: clip, word, Chinese and English sentence between tabs.

    A missing sentence is ``''``. Arguments as `parse_ferv39k_list`.
    """

    def parse(content: str, line: int) -> Row:
        clip, *rest = (part.strip() for part in content.split('\t', 3))
        if not rest:
            expected = "'clip<tab>emotion<tab>Chinese caption<tab>English caption'"
            raise ListError('', 0, expected, content)
        word, chinese, english = (*rest, '', '')[:3]
        label = _named_label(word, classes, compound)
        return Row(
            check_reference(clip),
            label,
            line,
            chinese=_sentence(chinese),
            english=_sentence(english),
        )

    return parse_lines(text, file, parse)


def is_dferclip_list(text: str) -> bool:
    """Whether a list has the form that `parse_dferclip_list` reads, by its first clip."""
    first = next((line for line in split_lines(text) if line.strip()), '')
    return re.search(r'\S\s+[-+]?[0-9]+\s+[-+]?[0-9]+\s*$', first) is not None


def parse_dferclip_list(text: str, file: str, classes: Sequence[str]) -> Rows:
    """DFER-CLIP's lists, ``path num_frames label`` with labels from 0.

    The paths are absolute on their author's machine: which trailing part names the clip is found
    out on the disk.
    """

    def parse(content: str, line: int) -> Row:
        clip, *numbers = content.strip().rsplit(None, 2)
        if len(numbers) != 2:
            raise ListError('', 0, "'path num_frames label'", content)
        if not re.fullmatch('[0-9]{1,9}', numbers[0]) or int(numbers[0]) == 0:
            raise ListError('', 0, 'a positive number of frames', numbers[0])
        label = _numbered_label(numbers[1], classes, 0)
        reference = check_reference(clip, other_machine=True)
        return Row(reference, label, line, num_frames=int(numbers[0]), path_from_other_machine=True)

    return parse_lines(text, file, parse)


def _numbered_label(number: str, classes: Sequence[str], first: int) -> str:
    last = first + len(classes) - 1
    if not re.fullmatch('[0-9]{1,9}', number) or not first <= int(number) <= last:
        raise ListError('', 0, f'a label from {first} to {last}', number)
    return classes[int(number) - first]


def _named_label(word: str, classes: Sequence[str], compound: bool) -> str:
    names = []
    for part in word.split('_') if compound else [word]:
        try:
            names.append(emotion_of(part))
        except ValueError:
            raise ListError('', 0, f'one of {", ".join(classes)}', word) from None
        if names[-1] not in classes:
            raise ListError('', 0, f'one of {", ".join(classes)}', word)
    if len(set(names)) < len(names):
        raise ListError('', 0, 'each emotion of a compound once', word)
    return '_'.join(names)


def _sentence(text: str) -> str:
    """A caption with one blank where it had several, or control characters."""
    return ' '.join(re.sub(r'[\x00-\x1f\x7f-\x9f]', ' ', text).split())
