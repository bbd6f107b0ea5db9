"""The lists again without the lines of bad clips, in their owner's form."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from .findings import KINDS, Finding
from .splits import SplitListing


def clean_targets(folder: Path, splits: Sequence[SplitListing]) -> dict[str, Path]:
    """Where each list of some splits goes: under the folder as it lies under its data root.

    A list from elsewhere keeps its name.

    Args:
        folder: to write into, outside the data.
        splits: whose lists.

    Raises:
        ValueError: when the folder lies in the data, a split has a folder in the place of a list
            (AFEW), or two lists would be one file.
        FileExistsError: when a file is there already.
    """
    targets: dict[str, Path] = {}
    sources: dict[Path, str] = {}
    for split in splits:
        for data in (split.root, split.clip_folder):
            check_outside(folder, data)
        file = Path(split.list)
        if not file.is_file():
            raise ValueError(
                f'{file} is a folder and no list: move the bad clips out of it instead'
            )
        inside = file.is_relative_to(split.root)
        target = folder / (file.relative_to(split.root) if inside else file.name)
        targets[split.list] = target
        other = sources.setdefault(target, split.list)
        if other != split.list:
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

    Every other byte of a list stays.

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
    lines: dict[str, set[int]] = defaultdict(set)
    for finding in findings:
        if KINDS[finding.kind].drop_from_clean:
            for file, line in finding.places:
                lines[file].add(line)
    for file, path in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('xb') as stream:
            stream.write(without_lines(Path(file).read_bytes(), lines[file]))
    return {file: (path, len(lines[file])) for file, path in targets.items()}


def without_lines(data: bytes, lines: Collection[int]) -> bytes:
    """A text without some of its lines, counted from 1, their ends included."""
    bom = b'\xef\xbb\xbf' if data.startswith(b'\xef\xbb\xbf') else b''
    whole = re.split(rb'(?<=\n)|(?<=\r)(?!\n)', data[len(bom) :])
    return bom + b''.join(line for number, line in enumerate(whole, 1) if number not in lines)


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
