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
    # newline=None: the three ways to end a line are one to the reader.
    reader = csv.DictReader(io.StringIO(text, newline=None), skipinitialspace=True, strict=True)
    try:
        columns = [str(name).strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise ListError(file, 1, 'a CSV with a header', str(error)) from error
    reader.fieldnames = columns
    names = tuple(targets) or tuple(each for each in columns if each not in ('clip', 'split'))
    _check_header(columns, names, file, max(1, reader.line_num))
    return names, _read_records(reader, names, file)


def _read_records(
    reader: csv.DictReader, names: Sequence[str], file: str
) -> Iterator[ScoreRow | ListError]:
    while True:
        first = reader.reader.line_num + 1
        try:
            record = next(reader)
            yield _read_record(record, names, reader, first)
        except StopIteration:
            return
        except csv.Error as error:
            # Behind a quote that nothing closes, all the rest would be one record.
            yield ListError(file, first, 'a record of a CSV', str(error))
            return
        except ListError as error:
            error.file, error.line, error.first = file, reader.line_num, first
            yield error


def _read_record(
    record: dict, names: Sequence[str], reader: csv.DictReader, first: int
) -> ScoreRow:
    columns = len(reader.fieldnames or ())
    if None in record or None in record.values():
        count = columns + len(record.get(None) or ()) - [*record.values()].count(None)
        raise ListError('', 0, f'{columns} values, one for each column', f'{count} values')
    scores = tuple(_score(record[name], name) for name in names)
    clip = check_reference(record['clip'].strip())
    return ScoreRow(clip, scores, record.get('split', '').strip(), reader.line_num, first)


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
