"""The runs of a small grid: every combination of some settings, with one or several seeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from .cross_validation import Run

# Texts in brackets or quotes, and whatever else is no comma.
_VALUE = re.compile(r"""(\[.*?\]|\(.*?\)|".*?"|'.*?'|[^,])+""")


@dataclass(frozen=True)
class Combination:
    """One combination of a grid.

    Attributes:
        name: of its folder and its row in the table, such as ``depth=2+lr=0.01``.
        folder: of its run, or of those of its seeds.
        runs: one, or one for each seed.
    """

    name: str
    folder: Path
    runs: tuple[Run, ...]


def find_combinations(
    grid: Sequence[str], folder: Path, seeds: Sequence[int] = (), fold: int | None = None
) -> list[Combination]:
    """All combinations, the last key changing fastest.

    Args:
        grid: ``key=a,b,c`` for each key; a comma in brackets or quotes belongs to a value.
        folder: parent of the combinations' folders.
        seeds: of the runs of each combination; none for the config's own.
        fold: of every run.

    Raises:
        ValueError: when a key is given twice, or two combinations have one name.
    """
    values = {}
    for text in grid:
        key, _, listed = text.partition('=')
        if key in values:
            raise ValueError(f'{key} is given twice: write all its values as {key}=a,b,c')
        values[key] = [found.group() for found in _VALUE.finditer(listed)] or ['']
    short = [key.rpartition('.')[2] for key in values]
    # Two keys may end in the same word.
    short = [
        name if short.count(name) == 1 else key for name, key in zip(short, values, strict=True)
    ]
    found: dict[str, Combination] = {}
    for chosen in product(*values.values()):
        parts = [f'{name}={value}' for name, value in zip(short, chosen, strict=True)]
        # No commas or brackets: a path in --cfg-options would become a list.
        name = re.sub(r'[^\w.=+-]+', '_', '+'.join(parts))
        if name in found:
            raise ValueError(f'two combinations would have the folder {name}: give each value once')
        settings = [f'{key}={value}' for key, value in zip(values, chosen, strict=True)]
        own = folder / name
        runs = [
            Run(
                f'{name}, seed {seed}',
                own / f'seed_{seed}',
                fold,
                [*settings, f'randomness.seed={seed}'],
            )
            for seed in seeds
        ]
        found[name] = Combination(name, own, tuple(runs) or (Run(name, own, fold, settings),))
    return list(found.values())
