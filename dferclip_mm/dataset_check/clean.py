"""The lists again without the lines of bad clips, in their owner's form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..datasets.tables import BINARY_SUFFIXES
from .findings import KINDS, Finding
from .splits import SplitListing


def clean_targets(folder: Path, splits: Sequence[SplitListing]) -> dict[str, Path]:
    """Where each list of some splits goes: under the folder as it lies under its data root.

    A list from elsewhere keeps its name.

    Raises:
        ValueError: when the folder lies in the data, or a split has a folder in the place of a
            list (AFEW).
        FileExistsError: when a file is there already.
    """
    targets = {}
    for split in splits:
        for data in split.folders:
            check_outside(folder, data)
        file, root = split.dataset.list_file, split.dataset.root
        if not file.is_file():
            raise ValueError(
                f'{file} is a folder and no list: move the bad clips out of it instead'
            )
        if file.suffix.lower() in BINARY_SUFFIXES:
            raise ValueError(f'{file} is no text: save it as CSV to leave out lines')
        inside = file.is_relative_to(root)
        target = folder / (file.relative_to(root) if inside else file.name)
        if target.exists():
            raise FileExistsError(f'{target} is there already: choose another folder')
        targets[str(file)] = target
    return targets


def write_clean(
    folder: Path, splits: Sequence[SplitListing], findings: Iterable[Finding]
) -> dict[str, tuple[Path, int]]:
    """Write each list without its bad lines, where `clean_targets` says; every other byte stays.

    Args:
        folder: to write into, outside the data.
        splits: whose lists.
        findings: what is wrong with them; `KINDS` says which leave lines out.

    Returns:
        List -> its clean form, and how many lines were left out.

    Raises:
        ValueError, FileExistsError: as `clean_targets`; two lists may not become one file either.
    """
    targets = clean_targets(folder, splits)
    bad = {place for each in findings if KINDS[each.kind].drop_from_clean for place in each.places}
    written = {}
    for file, path in targets.items():
        lines = enumerate(Path(file).read_bytes().splitlines(keepends=True), 1)
        kept = [line for number, line in lines if (file, number) not in bad]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('xb') as stream:
            stream.write(b''.join(kept))
        written[file] = (path, sum(place[0] == file for place in bad))
    return written


def check_outside(path: Path, root: str) -> None:
    """Check that a path to be written does not lie in the data.

    Raises:
        ValueError: when it does.
    """
    if path.resolve().is_relative_to(Path(root).resolve()):
        raise ValueError(
            f'{path} lies in the data, {root}, which is never written to: choose another'
        )
