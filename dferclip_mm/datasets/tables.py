"""A table of any usual kind -> its header and its rows as text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .list_text import ListError, check_rows, decode_list, numbered_lines, parse_lines

# Read by pandas; the others are text, one clip a line.
BINARY_SUFFIXES = ('.parquet', '.xlsx')
JSON_SUFFIXES = ('.jsonl', '.ndjson')


class Record(NamedTuple):
    """One row of a table: its line, counted from 1, and its cells by column."""

    line: int
    cells: dict[str, str]


Table = tuple[tuple[str, ...], list[Record | ListError]]


def read_table(path: Path) -> Table:
    """The columns and rows of a CSV, TSV, JSON Lines, Parquet or Excel file.

    Returns:
        The names of the columns, and the rows; a `ListError` for each that cannot be read.

    Raises:
        ListError: if the file cannot be read at all, or its header is no header.
    """
    suffix = path.suffix.lower()
    if suffix in BINARY_SUFFIXES:
        return _read_frame(path)
    text = decode_list(path.read_bytes(), str(path))
    if suffix in JSON_SUFFIXES:
        return parse_json_lines(text, str(path))
    return parse_csv(text, str(path), '\t' if suffix == '.tsv' else ',')


def parse_csv(text: str, file: str, delimiter: str = ',') -> Table:
    """The columns and rows of a table with a header; arguments and errors as `read_table`."""
    first, header = next(numbered_lines(text), (1, ''))
    try:
        columns = tuple(name.strip() for name in _split(header, delimiter))
        named = all(name and name.isprintable() for name in columns)
        if not (columns and named and len({*columns}) == len(columns)):
            raise ListError('', 0, 'a header that names each column once', header)
    except ListError as error:
        error.file, error.line = file, first
        raise

    def parse(content: str, line: int) -> Record | None:
        if line == first:
            return None
        cells = [cell.strip() for cell in _split(content, delimiter)]
        if len(cells) != len(columns):
            expected = f'{len(columns)} values, one for each column'
            raise ListError('', 0, expected, f'{len(cells)} values')
        return Record(line, dict(zip(columns, cells, strict=True)))

    return columns, list(parse_lines(text, file, parse))


def parse_json_lines(text: str, file: str) -> Table:
    """The keys and objects of JSON Lines; a key that a line lacks is an empty cell."""

    def parse(content: str, line: int) -> Record:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or any(isinstance(v, dict | list) for v in found.values()):
            raise ListError('', 0, 'a JSON object of texts and numbers on one line', content)
        return Record(line, {key: _to_text(value) for key, value in found.items()})

    rows = list(parse_lines(text, file, parse))
    if all(isinstance(row, ListError) for row in rows):
        check_rows(rows)
    records = [row for row in rows if isinstance(row, Record)]
    columns = tuple(dict.fromkeys(key for row in records for key in row.cells))
    empty = dict.fromkeys(columns, '')
    return columns, [
        row._replace(cells=empty | row.cells) if isinstance(row, Record) else row for row in rows
    ]


def _read_frame(path: Path) -> Table:
    import pandas

    excel = path.suffix.lower() == '.xlsx'
    try:
        if excel:
            # Only an empty cell is none: the words None and NA may be labels.
            frame = pandas.read_excel(path, dtype=object, keep_default_na=False, na_values=[''])
        else:
            frame = pandas.read_parquet(path)
    except ImportError as error:
        package = 'openpyxl' if excel else 'pyarrow'
        raise ImportError(
            f'{path}: it is read by {package}: run `pip install {package}`'
        ) from error
    except Exception as error:  # whatever their readers raise on a damaged file
        kind = 'an Excel file' if excel else 'a Parquet file'
        raise ListError(str(path), 0, kind, f'one that does not open: {error}') from error
    columns = tuple(str(name).strip() for name in frame.columns)
    rows: Iterator[tuple] = frame.astype(object).where(frame.notna(), None).itertuples(index=False)
    # The header of an Excel file is its line 1.
    return columns, [
        Record(line, dict(zip(columns, map(_to_text, row), strict=True)))
        for line, row in enumerate(rows, 2 if excel else 1)
        if any(cell is not None for cell in row)
    ]


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ListError('', 0, f'a record on one line ({error})', line) from None


def _to_text(value: object) -> str:
    """A cell as a CSV would hold it: whole numbers without a point, nothing for none."""
    if value is None:
        return ''
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
