"""The lists again without the lines of bad clips, in their owner's form."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..media.images import natural_key
from .findings import KINDS, Finding
from .splits import ListedClip, SplitListing


def clean_targets(folder: Path, splits: Sequence[SplitListing]) -> dict[str, Path]:
    """Where each list of some splits goes: under the folder as it lies under its data root.

    A list from elsewhere keeps its name. A corpus without lists (AFEW) gets ``<split>.txt``.

    Args:
        folder: to write into, outside the data.
        splits: whose lists.

    Raises:
        ValueError: when the folder lies in the data, or two lists would be one file.
        FileExistsError: when a file is there already.
    """
    targets: dict[str, Path] = {}
    sources: dict[Path, str] = {}
    for split in splits:
        for data in (split.root, split.clip_folder):
            check_outside(folder, data)
        for file in split.lists:
            target = targets.setdefault(file, folder / _below(file, split.root))
            other = sources.setdefault(target, file)
            if other != file:
                raise ValueError(
                    f'{other} and {file} would both be written as {target}: check them in turn'
                )
            if target.exists():
                raise FileExistsError(f'{target} is there already: choose another folder')
    return targets


def write_clean(
    folder: Path, splits: Sequence[SplitListing], findings: Iterable[Finding]
) -> dict[str, tuple[Path, int]]:
    """Write each list without its bad lines, where `clean_targets` says.

    Every other byte of a list stays. In the place of a folder (AFEW) there are lines of
    ``clip emotion``.

    Args:
        folder: to write into, outside the data.
        splits: whose lists.
        findings: what is wrong with them; `KINDS` says which leave lines out.

    Returns:
        List -> its clean form, and how many lines were left out.

    Raises:
        ValueError: as `clean_targets`.
        FileExistsError: likewise.
    """
    targets = clean_targets(folder, splits)
    lines, clips = _left_out(splits, findings)
    written: dict[str, tuple[Path, int]] = {}
    for file, path in targets.items():
        if Path(file).is_file():
            data, count = without_lines(Path(file).read_bytes(), lines[file]), len(lines[file])
        else:
            text, count = _list_of_folder(_clips_in(file, splits), clips[file])
            data = text.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('xb') as stream:
            stream.write(data)
        written[file] = (path, count)
    return written


def split_lines(data: bytes) -> list[bytes]:
    """Lines and, between them, their ends; together the data again."""
    return re.split(rb'(\r\n|\r|\n)', data)


def without_lines(data: bytes, lines: Iterable[int]) -> bytes:
    """A text without some of its lines, counted from 1, their ends included."""
    pieces = split_lines(data)
    bom = b'\xef\xbb\xbf'
    gone = {2 * line - 2 for line in lines}
    kept = b''.join(piece for index, piece in enumerate(pieces) if index - index % 2 not in gone)
    lost = data.startswith(bom) and not kept.startswith(bom)
    return bom + kept if lost else kept


def check_outside(path: Path, root: str) -> None:
    """Check that a path to be written does not lie in the data.

    Raises:
        ValueError: when it does.
    """
    inside = path.resolve()
    if Path(root).resolve() in (inside, *inside.parents):
        raise ValueError(
            f'{path} lies in the data, {root}, which is never written to: choose another'
        )


def _left_out(
    splits: Sequence[SplitListing], findings: Iterable[Finding]
) -> tuple[dict[str, set[int]], dict[str, set[str]]]:
    """Of each list the lines, and of each folder in a list's place the clips, that go."""
    together: dict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
    for split in splits:
        for each in split.clips:
            together[each.place].update(each.lines)
    lines: dict[str, set[int]] = defaultdict(set)
    clips: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        if not KINDS[finding.kind].drop_from_clean:
            continue
        for place in finding.places:
            for file, line in {place, *together[place]}:
                lines[file].add(line)
            if finding.kind != 'listed twice':
                clips[place[0]].update((finding.clip, *finding.others))
    return lines, clips


def _clips_in(folder: str, splits: Sequence[SplitListing]) -> list[ListedClip]:
    """The clips of a folder that several splits may share, in the order of its dataset."""
    found = {each.clip: each for split in splits for each in split.clips if each.file == folder}

    def key(clip: str) -> tuple[str, tuple[list[str | int], str]]:
        parent, _, name = clip.rpartition('/')
        return parent, natural_key(name)

    return [found[clip] for clip in sorted(found, key=key)]


def _list_of_folder(clips: Sequence[ListedClip], bad: set[str]) -> tuple[str, int]:
    """Lines of ``clip emotion`` of good clips, each once, and how many others there are."""
    # The first of two names of one clip.
    kept = {each.path: each for each in reversed(clips) if (each.path or each.clip) not in bad}
    rows = [each for each in clips if kept.get(each.path) is each]
    return ''.join(f'{each.clip} {each.label}\n' for each in rows), len(clips) - len(rows)


def _below(file: str, root: str) -> Path:
    path = Path(file)
    if not path.is_file():
        return Path(f'{path.name}.txt')
    return path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
