"""A table of any usual kind -> its header and its rows as text."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .list_text import ListError, check_rows, decode_list, numbered_lines, parse_lines

# Read by pandas; the others are text, one clip a line.
BINARY_SUFFIXES = ('.parquet', '.xlsx')
JSON_SUFFIXES = ('.jsonl', '.ndjson')


class Table(NamedTuple):
    """A table of texts.

    Attributes:
        columns: their names.
        lines: number, counted from 1, and content of each row.
        read: the cells by column from such a content; it raises `ListError`.
    """

    columns: tuple[str, ...]
    lines: list[tuple[int, Any]]
    read: Callable[[Any], dict[str, str]]


def read_table(path: Path) -> Table:
    """The columns and rows of a CSV, TSV, JSON Lines, Parquet or Excel file.

    Raises:
        ListError: if the file cannot be read at all, or its header is no header.
    """
    suffix = path.suffix.lower()
    if suffix in BINARY_SUFFIXES:
        return _read_frame(path)
    text = decode_list(path.read_bytes(), str(path))
    if suffix in JSON_SUFFIXES:
        return _read_json_lines(text, str(path))
    return _read_csv(text, str(path), '\t' if suffix == '.tsv' else ',')


def _read_csv(text: str, file: str, delimiter: str) -> Table:
    (first, header), *lines = [*numbered_lines(text)] or [(1, '')]
    try:
        columns = tuple(_split(header, delimiter))
        named = all(name and name.isprintable() for name in columns)
        if not (columns and named and len({*columns}) == len(columns)):
            raise ListError('', 0, 'a header that names each column once', header)
    except ListError as error:
        error.file, error.line = file, first
        raise

    def read(content: str) -> dict[str, str]:
        cells = _split(content, delimiter)
        if len(cells) != len(columns):
            expected = f'{len(columns)} values, one for each column'
            raise ListError('', 0, expected, f'{len(cells)} values')
        return dict(zip(columns, cells, strict=True))

    return Table(columns, lines, read)


def _read_json_lines(text: str, file: str) -> Table:
    lines = [*numbered_lines(text)]
    rows = [*parse_lines(lines, file, lambda content, _: _read_json(content))]
    if all(isinstance(row, ListError) for row in rows):
        check_rows(rows)
    keys = (key for row in rows if isinstance(row, dict) for key in row)
    return Table(tuple(dict.fromkeys(keys)), lines, _read_json)


def _read_json(content: str) -> dict[str, str]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or any(isinstance(v, dict | list) for v in found.values()):
        raise ListError('', 0, 'a JSON object of texts and numbers on one line', content)
    return {key: _to_text(value) for key, value in found.items()}


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
    rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False)
    # The header of an Excel file is its line 1.
    numbered = enumerate(rows, 2 if excel else 1)
    lines = [(line, row) for line, row in numbered if any(cell is not None for cell in row)]
    return Table(columns, lines, lambda row: dict(zip(columns, map(_to_text, row), strict=True)))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
        return [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ListError('', 0, f'a record on one line ({error})', line) from None


def _to_text(value: object) -> str:
    """A cell as a CSV would hold it: whole numbers without a point, nothing for none."""
    if value is None:
        return ''
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
