"""Rows of the table: a figure, its range over the rounds, and its target."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A figure, its target (such as ``'≤ 0.95'``), and the lowest and highest of its rounds."""

    name: str
    value: float
    target: str = ''
    span: tuple[float, float] | None = None

    @property
    def is_met(self) -> bool:
        """Whether the target is met; without a target it is."""
        if not self.target:
            return True
        sign, limit = self.target.split()
        return self.value <= float(limit) if sign == '≤' else self.value >= float(limit)


def median_row(name: str, values: Iterable[float], target: str = '') -> Row:
    """The median over the rounds."""
    found = list(values)
    return Row(name, statistics.median(found), target, (min(found), max(found)))


def ratio_row(name: str, ours: Iterable[float], theirs: Iterable[float], target: str = '') -> Row:
    """The median of the ratios within each round."""
    return median_row(name, [a / b for a, b in zip(ours, theirs, strict=True)], target)


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ['| | measured | range | target |', '|---|---:|---:|---:|']
    for name, value, target, span in rows:
        spread = ' – '.join(format_value(end) for end in span) if span else ''
        lines.append(f'| {name} | {format_value(value)} | {spread} | {target} |')
    return '\n'.join(lines) + '\n'


def format_value(value: float) -> str:
    """A number with three digits."""
    return f'{value:.1e}' if value < 1e-3 else f'{value:.3g}'
