"""Which column of a table holds what, and a row of it as a clip."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .list_text import ListError, check_reference, parse_lines
from .lists import Row, clean_sentence
from .tables import Table

SINGLE = ('path', 'label', 'subject', 'split', 'fold', 'caption', 'weight', 'start', 'end')
SEVERAL = ('votes', 'scores')
SPLIT_WORDS = {'train': 'train', 'test': 'test', 'validation': 'validation', 'val': 'validation'}


class Columns:
    """The columns of a table.

    Args:
        given: role -> column: ``path`` and ``label`` (None where there is none), ``subject``,
            ``split``, ``fold``, ``caption``, ``weight``, ``start`` and ``end``; ``votes`` and
            ``scores`` are lists of columns, or ``votes`` a table of label -> column.

    Raises:
        ValueError: if a role is unknown or has no column's name.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        roles = {'path': 'path', 'label': 'label', **given}
        votes, scores = roles.pop('votes', None) or {}, roles.pop('scores', None) or ()
        self.names = {role: name for role, name in roles.items() if name is not None}
        if not isinstance(votes, Mapping):
            votes = {name: name for name in _listed(votes)}
        self.votes = dict(votes)
        self.scores = _listed(scores)
        wrong = [role for role in roles if role not in SINGLE]
        names = [*self.names.values(), *self.votes.values(), *self.scores]
        if wrong or not all(isinstance(name, str) and name for name in names):
            raise ValueError(
                f'columns={dict(given)!r}: expected names of columns for some of '
                f'{", ".join((*SINGLE, *SEVERAL))}'
            )
        if 'path' not in self.names or ('start' in self.names) != ('end' in self.names):
            raise ValueError(f'columns={dict(given)!r}: expected a path, and start with end')

    def _check(self, found: Iterable[str], file: str) -> None:
        known = [*found]
        needed = [*self.names.items(), *(('votes', name) for name in self.votes.values())]
        needed += [('scores', name) for name in self.scores]
        for role, name in needed:
            if name not in known:
                expected = f'the column {name!r} for {role} (set columns=dict({role}=...))'
                raise ListError(file, 1, expected, f'the columns {", ".join(known)}')

    def read_all(
        self, table: Table, file: str, read_label: Callable[[str], str]
    ) -> list[Row | ListError]:
        """The clip of each row of a table, or its error.

        Args:
            table: as `read_table` gives it.
            file: its path.
            read_label: the name of a label, from its cell. An empty one is refused, unless there
                are votes: then it is the first label with the most.

        Raises:
            ListError: if a column is missing; it names what is there.
        """

        def read(content: Any, line: int) -> Row:
            return self._read(table.read(content), line, read_label)

        self._check(table.columns, file)
        return list(parse_lines(table.lines, file, read))

    def _read(self, record: Mapping[str, str], line: int, read_label: Callable[[str], str]) -> Row:
        cells = {role: record.get(name, '') for role, name in self.names.items()}
        votes = {
            label: read_number(record.get(column, ''), column, 0.0)
            for label, column in self.votes.items()
        }
        if votes and not sum(votes.values()) > 0:
            raise ListError(
                '', 0, f'a vote in {", ".join(self.votes.values())}, or no such line', 'none'
            )
        path = cells['path'].replace('\\', '/')
        absolute = re.match('/|[A-Za-z]:/', path) is not None
        return Row(
            clip=check_reference(path, other_machine=absolute),
            label=self._label(cells, votes, read_label),
            line=line,
            english=clean_sentence(cells.get('caption', '')),
            path_from_other_machine=absolute,
            subject=_filled(cells, self.names, 'subject'),
            split=self._split(cells),
            fold=_filled(cells, self.names, 'fold'),
            weight=read_number(cells['weight'], 'the weight', 0.0) if 'weight' in cells else None,
            span=_span(cells),
            votes=votes,
            scores=tuple(read_number(record.get(name, ''), name) for name in self.scores),
        )

    def _label(
        self,
        cells: Mapping[str, str],
        votes: Mapping[str, float],
        read_label: Callable[[str], str],
    ) -> str:
        label = cells.get('label', '')
        if label:
            return read_label(label)
        if votes:
            # For balancing; what is trained on are the votes.
            return max(votes, key=lambda name: votes[name])
        if 'label' in cells:
            raise ListError(
                '', 0, f'a label in the column {self.names["label"]!r}, or no such line', 'none'
            )
        return ''

    def _split(self, cells: Mapping[str, str]) -> str:
        if 'split' not in cells:
            return ''
        split = SPLIT_WORDS.get(cells['split'].lower())
        if split is None:
            raise ListError('', 0, 'train, validation or test', cells['split'])
        return split


def read_number(cell: str, name: str, least: float = -math.inf) -> float:
    """A finite number from a cell.

    Raises:
        ListError: if it is none, or below ``least``.
    """
    try:
        # float() also reads 1_0 as ten, and the digits of other scripts.
        number = float(cell) if cell.isascii() and '_' not in cell else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < least:
        above = '' if least == -math.inf else f' of at least {least:g}'
        raise ListError('', 0, f'a finite number{above} for {name}', cell)
    return number


def _span(cells: Mapping[str, str]) -> tuple[float, float] | None:
    given = [cells.get(name, '') for name in ('start', 'end')]
    if not any(given):
        return None
    start, end = (read_number(cell, 'start and end', 0.0) for cell in given)
    if start >= end:
        raise ListError('', 0, 'a start before the end, in seconds', f'{start:g} and {end:g}')
    return start, end


def _filled(cells: Mapping[str, str], names: Mapping[str, str], role: str) -> str:
    if role in cells and not cells[role]:
        raise ListError('', 0, f'a {role} in the column {names[role]!r}', 'none')
    return cells.get(role, '')


def _listed(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
