"""The lists again without the lines of bad clips, in their owner's form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from .findings import KINDS, Finding
from .listing import Part, split_lines


def write_clean(
    folder: Path, parts: Sequence[Part], findings: Iterable[Finding]
) -> dict[str, tuple[Path, int]]:
    """Write each list without its bad lines, under the folder as it lies under the data root.

    Every other byte of a list stays. A corpus without lists (AFEW) gets ``<split>.txt``, one
    ``clip emotion`` a line.

    Args:
        folder: to write into, outside the data.
        parts: whose lists.
        findings: what is wrong with them; `KINDS` says which leave lines out.

    Returns:
        List -> its clean form, and how many lines were left out.

    Raises:
        ValueError: when the folder lies in the data.
        FileExistsError: when a file is there already.
    """
    left_out: dict[str, set[int]] = defaultdict(set)
    bad: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        if KINDS[finding.kind].left_out:
            for file, line in finding.places:
                left_out[file].add(line)
                bad[file].add(finding.clip)
    contents: dict[Path, tuple[str, bytes, int]] = {}
    for part in parts:
        refuse_inside(folder, part.root)
        for file in dict.fromkeys(each.file for each in part.clips):
            if Path(file).is_file():
                data = without_lines(Path(file).read_bytes(), left_out[file])
                contents[folder / _below(file, part.root)] = (file, data, len(left_out[file]))
                continue
            kept = [each for each in part.clips if (each.path or each.clip) not in bad[file]]
            text = ''.join(f'{each.clip} {each.label}\n' for each in kept)
            name = folder / f'{Path(file).name}.txt'
            contents[name] = (file, text.encode(), len(part.clips) - len(kept))
    there = [path for path in contents if path.exists()]
    if there:
        raise FileExistsError(f'{there[0]} is there already: choose another folder')
    for path, (_, data, _) in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('xb') as stream:
            stream.write(data)
    return {file: (path, count) for path, (file, _, count) in contents.items()}


def without_lines(data: bytes, lines: Iterable[int]) -> bytes:
    """A text without some of its lines, counted from 1, their ends included."""
    parts = split_lines(data)
    bom = b'\xef\xbb\xbf'
    gone = {2 * line - 2 for line in lines}
    kept = b''.join(part for index, part in enumerate(parts) if index - index % 2 not in gone)
    lost = data.startswith(bom) and not kept.startswith(bom)
    return bom + kept if lost else kept


def refuse_inside(path: Path, root: str) -> None:
    """See that a path to be written does not lie in the data.

    Raises:
        ValueError: when it does.
    """
    inside = path.resolve()
    if Path(root).resolve() in (inside, *inside.parents):
        raise ValueError(f'{path} lies in the data, {root}, which is only read: choose another')


def _below(file: str, root: str) -> Path:
    path = Path(file)
    return path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
