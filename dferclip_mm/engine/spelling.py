"""Which known word a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def closest(word: Any, known: Iterable[str]) -> str | None:
    """The known word that one edit leads to, or two from 8 letters on."""
    if not isinstance(word, str):
        return None
    near = [
        (distance, each)
        for each in known
        if len(each) > 1 and (distance := _edits(word, each)) <= (2 if len(each) > 7 else 1)
    ]
    return min(near)[1] if near else None


def _edits(a: str, b: str) -> int:
    """Letters deleted, inserted, substituted or swapped with their neighbour between two words."""
    if abs(len(a) - len(b)) > 2:
        return abs(len(a) - len(b))
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]
