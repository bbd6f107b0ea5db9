"""A CSV of clips with scores -> rows."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .list_text import ListError, check_reference


class ScoreRow(NamedTuple):
    """One record of a score file.

    Attributes:
        clip: its reference, parts joined by ``/``.
        scores: K numbers.
        split: ``''`` where the file has no such column.
        line: the record's last one.
        first: the record's first line; another one where a quoted value holds line breaks.
    """

    clip: str
    scores: tuple[float, ...]
    split: str
    line: int
    first: int


def parse_scores(
    text: str, file: str, targets: Sequence[str] = ()
) -> tuple[tuple[str, ...], Iterator[ScoreRow | ListError]]:
    """A CSV with the columns ``clip``, one for each target and, if wanted, ``split``.

    Args:
        text: the file's text.
        file: its path, for errors.
        targets: the columns to read; empty: all but ``clip`` and ``split``.

    Returns:
        The targets, and the rows; a `ListError` for each record that cannot be read.

    Raises:
        ListError: if the header cannot be read.
    """
    records = _read_records(text, file)
    header = next(records, (1, 1, []))
    if isinstance(header, ListError):
        raise header
    columns = [name.strip() for name in header[2]]
    names = tuple(targets) or tuple(each for each in columns if each not in ('clip', 'split'))
    _check_header(columns, names, file, header[1])

    def rows() -> Iterator[ScoreRow | ListError]:
        for record in records:
            if isinstance(record, ListError):
                yield record
                continue
            first, last, values = record
            try:
                yield _read_row(columns, values, names, first, last)
            except ListError as error:
                error.file, error.line, error.last_line = file, first, last
                yield error

    return names, rows()


def _read_records(text: str, file: str) -> Iterator[tuple[int, int, list[str]] | ListError]:
    """First line, last line and values of each record that is not blank.

    After a malformed record the next line begins a new one: a quote that is not closed would make
    all the rest one record.
    """
    # newline=None: the three kinds of line ends become one.
    lines = list(io.StringIO(text, newline=None))
    start = 0
    while start < len(lines):
        reader = csv.reader(lines[start:], skipinitialspace=True, strict=True)
        first = start + 1
        try:
            for values in reader:
                last = start + reader.line_num
                if values:
                    yield first, last, values
                first = last + 1
            return
        except csv.Error as error:
            found = lines[first - 1].rstrip('\n')
            yield ListError(file, first, f'a record of a CSV ({error})', found)
            start = first


def _read_row(
    columns: Sequence[str], values: list[str], names: Sequence[str], first: int, last: int
) -> ScoreRow:
    if len(values) != len(columns):
        expected = f'{len(columns)} values, one for each column'
        raise ListError('', 0, expected, f'{len(values)} values')
    record = dict(zip(columns, values, strict=True))
    scores = tuple(_score(record[name], name) for name in names)
    clip = check_reference(record['clip'].strip())
    return ScoreRow(clip, scores, record.get('split', '').strip(), last, first)


def _check_header(columns: Sequence[str], targets: Sequence[str], file: str, line: int) -> None:
    named = all(name and name.isprintable() for name in columns)
    complete = {'clip', *targets} <= set(columns) and len(set(columns)) == len(columns)
    if not (targets and named and complete):
        wanted = ', '.join(targets) if all(targets) and targets else 'a target'
        expected = f'a header with the columns clip, {wanted}, each once and named'
        raise ListError(file, line, expected, ', '.join(columns) or 'an empty file')


def _score(value: str, target: str) -> float:
    try:
        # float() also reads 1_0 as ten, and the digits of other scripts.
        score = float(value) if value.isascii() and '_' not in value else math.nan
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ListError('', 0, f'a finite number for {target}', value.strip())
    return score
