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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..emotions import emotion_of
from .list_text import ListError, check_reference, numbered_lines, parse_lines


@dataclass(frozen=True)
class Row:
    """One clip of a list.

    Attributes:
        clip: its reference, parts joined by ``/``.
        label: an emotion, or several joined by ``_``; ``''`` for none.
        line: counted from 1; 0 where there is no list.
        num_frames: as listed.
        english: caption; ``''`` for none.
        path_from_other_machine: whether the reference may begin with folders of another machine.
        subject: who or what must not be on two sides of a split; ``''`` for none.
        split: ``'train'``, ``'validation'``, ``'test'``; ``''`` without such a column.
        fold: whose clips are tested together; ``''`` without such a column.
        weight: of the clip in the loss; None for none.
        span: start and end in seconds of a longer video.
        votes: of annotators, by label.
        scores: for regression.
    """

    clip: str
    label: str
    line: int = 0
    num_frames: int | None = None
    english: str = ''
    path_from_other_machine: bool = False
    subject: str = ''
    split: str = ''
    fold: str = ''
    weight: float | None = None
    span: tuple[float, float] | None = None
    votes: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[float, ...] = ()


Rows = Iterator[Row | ListError]

_OTHER_FORMS = "'path num_frames label' in all lines, or clips alone with labelled=False"


@dataclass(frozen=True)
class ListLabels:
    """How the labels of a list are read.

    Attributes:
        order: class names, in the order of the list's numbers.
        first: the number of the first one; None: the list has words.
        compound: whether a word may join several emotions by ``_``.
    """

    order: tuple[str, ...]
    first: int | None = None
    compound: bool = False

    def read(self, label: str) -> str:
        """The class that a label names.

        Raises:
            ListError: if it names none.
        """
        if self.first is not None:
            place = int(label) - self.first if re.fullmatch('[0-9]{1,9}', label) else -1
            if 0 <= place < len(self.order):
                return self.order[place]
            last = self.first + len(self.order) - 1
            expected = f'a label from {self.first} ({self.order[0]}) to {last} ({self.order[-1]})'
            raise ListError('', 0, f'{expected}; labels=dict(first=..., order=[...])', label)
        names = []
        for part in label.split('_') if self.compound else [label]:
            try:
                names.append(emotion_of(part))
            except ValueError:
                names.append('')
            if names[-1] not in self.order:
                expected = f'one of {", ".join(self.order)}; labels=dict(first=...) for numbers'
                raise ListError('', 0, expected, label)
        if len(set(names)) < len(names):
            raise ListError('', 0, 'each emotion of a compound once', label)
        return '_'.join(names)


def parse_dfew_csv(text: str, file: str, labels: ListLabels) -> Rows:
    """DFEW's ``video_name,label``; numbers are padded to five digits."""

    def split(content: str) -> list[str]:
        return [part.strip(' "\t') for part in content.rsplit(',', 1)]

    lines = [*numbered_lines(text)]
    if lines and split(lines[0][1].lower()) == ['video_name', 'label']:
        del lines[0]
    for row in _parse_cells(lines, file, labels, split, f"'video_name,label', {_OTHER_FORMS}"):
        yield replace(row, clip=pad_number(row.clip)) if isinstance(row, Row) else row


def parse_ferv39k_list(text: str, file: str, labels: ListLabels) -> Rows:
    """FERV39k's ``Scene/Word/id word`` (a scene may hold blanks), and MAFW's ``clip word``."""
    form = f"'clip emotion', {_OTHER_FORMS}"
    lines = numbered_lines(text)
    return _parse_cells(lines, file, labels, lambda line: line.strip().rsplit(None, 1), form)


def parse_mafw_captions(text: str, file: str, labels: ListLabels) -> Rows:
    """MAFW's lists with captions: clip, word, Chinese and English sentence between tabs.

    The English one is kept; a missing one is ``''``.
    """
    form = "'clip<tab>emotion<tab>Chinese caption<tab>English caption'"
    return _parse_cells(numbered_lines(text), file, labels, lambda line: line.split('\t', 3), form)


def _parse_cells(
    lines: Iterable[tuple[int, str]],
    file: str,
    labels: ListLabels,
    split: Callable[[str], list[str]],
    form: str,
) -> Rows:
    """Lines of a clip, its label, and perhaps a Chinese and an English caption."""

    def parse(content: str, line: int) -> Row:
        cells = [cell.strip() for cell in split(content)]
        if len(cells) == 1:
            raise ListError('', 0, form, content)
        clip, word, _, english = (*cells, '', '')[:4]
        label = labels.read(word)
        return Row(check_reference(clip), label, line, english=clean_sentence(english))

    return parse_lines(lines, file, parse)


def pad_number(clip: str) -> str:
    """The name of a clip of DFEW: a bare number has five digits."""
    return clip.zfill(5) if re.fullmatch('[0-9]+', clip) else clip


def is_dferclip_list(text: str) -> bool:
    """Whether a list has the form that `parse_dferclip_list` reads, by its first clip."""
    _, first = next(numbered_lines(text), (1, ''))
    return re.search(r'\S\s+[-+]?[0-9]+\s+[-+]?[0-9]+\s*$', first) is not None


def parse_dferclip_list(text: str, file: str, labels: ListLabels) -> Rows:
    """DFER-CLIP's lists, ``path num_frames label``.

    The paths are absolute on their author's machine: which trailing part names the clip is found
    out on the disk.
    """

    def parse(content: str, line: int) -> Row:
        clip, *numbers = content.strip().rsplit(None, 2)
        if len(numbers) != 2:
            raise ListError('', 0, "'path num_frames label', as in the first line", content)
        if not re.fullmatch('[0-9]{1,9}', numbers[0]) or int(numbers[0]) == 0:
            raise ListError('', 0, 'a positive number of frames', numbers[0])
        label = labels.read(numbers[1])
        reference = check_reference(clip, other_machine=True)
        return Row(reference, label, line, num_frames=int(numbers[0]), path_from_other_machine=True)

    return parse_lines(numbered_lines(text), file, parse)


def parse_clip_names(text: str, file: str) -> Rows:
    """One clip a line, without labels."""

    def parse(content: str, line: int) -> Row | None:
        name = content.strip(' "\t')
        header = name.lower() == 'video_name'
        return None if header else Row(check_reference(name), '', line)

    return parse_lines(numbered_lines(text), file, parse)


def clean_sentence(text: str) -> str:
    """A caption with one blank where it had several, or control characters."""
    return ' '.join(re.sub(r'[\x00-\x1f\x7f-\x9f]', ' ', text).split())
