"""Which clips a folder or a list names, for programs that read clips without a dataset."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..datasets.clip_finder import ClipFinder
from ..datasets.list_text import ListError, decode_list, numbered_lines
from ..datasets.lists import pad_number
from ..media.images import list_frames, natural_key
from ..media.video_files import VIDEO_SUFFIXES
from .source_clips import find_clip_name

# Of the column that names a clip, where the first line is a header.
CLIP_COLUMNS = ('path', 'clip', 'filename', 'video', 'video_name')


def find_clips(folder: Path) -> dict[str, str]:
    """All videos and frame folders below a folder, by their names without a suffix.

    Raises:
        ValueError: when there is none, or two have one name.
    """
    clips: dict[str, str] = {}
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted((each for each in folders if each[0] != '.'), key=natural_key)
        found = [Path(place, name) for name in sorted(files, key=natural_key) if name[0] != '.']
        paths = [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES]
        if Path(place) != folder and list_frames(place):
            paths.append(Path(place))
        for path in paths:
            name = find_clip_name(str(path), [folder.absolute()])
            if name in clips:
                raise ValueError(f'{clips[name]} and {path} have one name: rename one of them')
            clips[name] = str(path)
    if not clips:
        raise ValueError(f'{folder}: expected videos or frame folders below it, found none')
    _refuse_nested(clips)
    return clips


def _refuse_nested(clips: dict[str, str]) -> None:
    """The frames of one clip would lie in the folder of another."""
    for name in clips:
        for outer in map(str, PurePosixPath(name).parents):
            if outer in clips:
                raise ValueError(
                    f'{clips[name]} would lie in the folder of {clips[outer]}: rename one'
                )


def list_clips(clips: Iterable[str]) -> list[tuple[str, str]]:
    """The lines of a table of clips, for `ClipListDataset`, each with the name of its clip.

    Where all clips lie in folders, the column ``label`` holds the name of each one's folder.
    """
    names = [*clips]
    labelled = all('/' in name for name in names)
    rows = [[name, name.split('/')[-2]] if labelled else [name] for name in names]
    header = 'path,label' if labelled else 'path'
    return [(header, ''), *((_join(row), row[0]) for row in rows)]


def read_clip_list(path: Path, root: Path) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """The lines of a list, each with the name of its clip, and the clips.

    A clip is named by the column `CLIP_COLUMNS` of a table with a header, separated by commas or
    tabs; else by what stands first in the line, as in the lists of all corpora.

    Returns:
        (line, name) for each line, ``''`` for a header; and name -> path of the clips below `root`.

    Raises:
        ListError: when a line names no clip that is there, or two files have one name.
    """
    lines: list[tuple[str, str]] = []
    clips: dict[str, str] = {}
    finder, column, separator = ClipFinder(str(root)), None, ','
    for number, line in numbered_lines(decode_list(path.read_bytes(), str(path))):
        if not lines:
            separator = '\t' if '\t' in line else ','
            names = [name.strip().lower() for name in _split(line, separator)]
            column = next((names.index(name) for name in CLIP_COLUMNS if name in names), None)
            if {'start', 'end'} & {*names}:
                expected = 'whole clips; cut the videos first'
                raise ListError(str(path), number, expected, line)
            if column is not None:
                lines.append((line, ''))
                continue
        named = _split(line, separator)[column : column + 1] if column is not None else _first(line)
        found = next(filter(None, (_find(name, finder) for name in named)), None)
        if found is None:
            raise ListError(str(path), number, f'a clip below {root}', line)
        name = find_clip_name(found, [root.absolute()])
        if clips.setdefault(name, found) != found:
            raise ListError(str(path), number, f'one file named {name}, {clips[name]}', found)
        lines.append((line, name))
    if not clips:
        raise ListError(str(path), 0, 'at least one clip', 'none')
    _refuse_nested(clips)
    return lines, clips


def _join(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator='').writerow(fields)
    return line.getvalue()


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator))


def _first(line: str) -> list[str]:
    """What may be the clip of a line: before two numbers, before a word, a field, or all of it."""
    blanks = [line.strip().rsplit(None, count)[0] for count in (2, 1)]
    return [*blanks, *(re.split(separator, line)[0] for separator in '\t,'), line]


def _find(name: str, finder: ClipFinder) -> str | None:
    # A path of another machine, or one that leads out of the root, has a part that is there.
    parts = [part for part in name.strip(' "').replace('\\', '/').split('/') if part.strip('. ')]
    if not parts:
        return None
    reference = '/'.join(parts)
    return finder.find_by_suffix(reference) or finder.find(pad_number(reference))
