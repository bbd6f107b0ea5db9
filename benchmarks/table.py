"""Rows of the table: a figure, the range it came from, and the bar that it is held to."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A figure, its bar (at most or at least so much), lowest and highest of its rounds."""

    name: str
    value: float
    bar: str = ''
    ends: tuple[float, float] | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure is within its bar; one without a bar always is."""
        if not self.bar:
            return True
        sign, limit = self.bar.split()
        return self.value <= float(limit) if sign == '≤' else self.value >= float(limit)


def over_rounds(name: str, values: Iterable[float], bar: str = '') -> Row:
    """The median of what each round found."""
    found = list(values)
    return Row(name, statistics.median(found), bar, (min(found), max(found)))


def compared(name: str, ours: Iterable[float], theirs: Iterable[float], bar: str = '') -> Row:
    """The median of the ratios of pairs that were measured in the same round."""
    return over_rounds(name, [a / b for a, b in zip(ours, theirs, strict=True)], bar)


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ['| | measured | range | bar |', '|---|---:|---:|---:|']
    for name, value, bar, ends in rows:
        spread = ' – '.join(shown(end) for end in ends) if ends else ''
        lines.append(f'| {name} | {shown(value)} | {spread} | {bar} |')
    return '\n'.join(lines) + '\n'


def shown(value: float) -> str:
    """Three digits."""
    return f'{value:.1e}' if value < 1e-3 else f'{value:.3g}'
