"""From the texts after ``--cfg-options`` to keys and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

_QUOTED = re.compile(r"""(["'])(.*?)\1(?=\s*(?:$|[,\])]))""")
_TABLE = re.compile(r'[\[(\s]*(?:\{.*:.*\}|dict\(.*\))', re.DOTALL)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Dotted keys and their values, from ``key=value`` texts.

    The syntax is that of MMEngine's ``DictAction``, which also removes all blanks and splits quoted
    words at their commas; here both stay.

    Raises:
        ValueError: when a value is a table.
    """
    pairs = [text.partition('=') for text in texts]
    for key, _, value in pairs:
        if _TABLE.match(value):
            raise ValueError(
                f'--cfg-options {key}: expected a value or a list, found the table {value}: write '
                f'{key}.NAME=VALUE for each of its entries, or put it into a config'
            )
    return {key: parse_value(value) for key, _, value in pairs}


def parse_value(text: str) -> Any:
    """A number, True, False, None, a word, or a list or tuple of these."""
    text = text.strip()
    items = _split(text)
    quoted = _QUOTED.fullmatch(text) if len(items) == 1 else None
    # Not: "one" and "two".
    if quoted is not None and quoted[2].count(quoted[1]) < 2:
        # "[a,b]" is a list in quotes that a shell did not remove.
        return parse_value(quoted[2]) if quoted[2][:1] in ('[', '(') else quoted[2]
    bracketed = len(items) == 1 and _is_bracketed(text)
    if bracketed:
        items = _split(text[1:-1])
    elif len(items) == 1:
        return _parse_word(text)
    if not items[-1].strip():
        # [], or a comma at the end.
        items.pop()
    kind = tuple if bracketed and text[0] == '(' else list
    return kind(parse_value(item) for item in items)


def _parse_word(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    return None if text == 'None' else text


def _is_bracketed(text: str) -> bool:
    """Not: (one) and (two)."""
    depths = [depth for _, depth in _pieces(text)]
    return text[:1] + text[-1:] in ('[]', '()') and 0 not in depths[:-1] and depths[-1] == 0


def _split(text: str) -> list[str]:
    """Split at the commas that are neither in brackets nor in quotes."""
    items = ['']
    for piece, depth in _pieces(text):
        if piece == ',' and depth == 0:
            items.append('')
        else:
            items[-1] += piece
    return items


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """Characters and quoted words, and how many brackets are open after each."""
    depth = position = 0
    while position < len(text):
        # A quote opens only where a word begins: not in "a child's face".
        begins = text[:position].rstrip()[-1:] in ('', '[', '(', ',')
        quoted = _QUOTED.match(text, position) if begins else None
        piece = quoted[0] if quoted else text[position]
        depth += (piece in ('[', '(')) - (piece in (']', ')'))
        yield piece, depth
        position += len(piece)
