"""A CSV of clips with scores -> rows."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .list_text import ListError, check_reference, numbered_lines, parse_lines


class ScoreRow(NamedTuple):
    """One line of a score file.

    Attributes:
        clip: its reference, parts joined by ``/``.
        scores: K numbers.
        split: ``''`` where the file has no such column.
        line: counted from 1.
    """

    clip: str
    scores: tuple[float, ...]
    split: str
    line: int


def parse_scores(
    text: str, file: str, targets: Sequence[str] = ()
) -> tuple[tuple[str, ...], Iterator[ScoreRow | ListError]]:
    """A CSV with the columns ``clip``, one for each target and, if wanted, ``split``.

    Args:
        text: the file's text, one clip a line.
        file: its path, for errors.
        targets: the columns to read; empty: all but ``clip`` and ``split``.

    Returns:
        The targets, and the rows; a `ListError` for each line that cannot be read.

    Raises:
        ListError: if the header cannot be read.
    """
    first, header = next(numbered_lines(text), (1, ''))
    try:
        columns = [name.strip() for name in _values(header)]
        names = tuple(targets) or tuple(each for each in columns if each not in ('clip', 'split'))
        _check_header(columns, names)
    except ListError as error:
        error.file, error.line = file, first
        raise

    def parse(content: str, line: int) -> ScoreRow | None:
        if line == first:
            return None
        values = _values(content)
        if len(values) != len(columns):
            expected = f'{len(columns)} values, one for each column'
            raise ListError('', 0, expected, f'{len(values)} values')
        record = dict(zip(columns, values, strict=True))
        scores = tuple(_score(record[name], name) for name in names)
        clip = check_reference(record['clip'].strip())
        return ScoreRow(clip, scores, record.get('split', '').strip(), line)

    return names, parse_lines(text, file, parse)


def _values(line: str) -> list[str]:
    try:
        return next(csv.reader([line], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ListError('', 0, f'a record of a CSV on one line ({error})', line) from None


def _check_header(columns: Sequence[str], targets: Sequence[str]) -> None:
    named = all(name and name.isprintable() for name in columns)
    complete = {'clip', *targets} <= set(columns) and len(set(columns)) == len(columns)
    if not (targets and named and complete):
        wanted = ', '.join(targets) if all(targets) and targets else 'a target'
        expected = f'a header with the columns clip, {wanted}, each once and named'
        raise ListError('', 0, expected, ', '.join(columns) or 'an empty file')


def _score(value: str, target: str) -> float:
    try:
        # float() also reads 1_0 as ten, and the digits of other scripts.
        score = float(value) if value.isascii() and '_' not in value else math.nan
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ListError('', 0, f'a finite number for {target}', value.strip())
    return score
