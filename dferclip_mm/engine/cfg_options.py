"""From the texts after ``--cfg-options`` to keys and values."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

# A quoted word up to a comma, a bracket or the end, any other word, or the end of a tuple.
_TOKEN = re.compile(
    r"""(["'])((?:(?!\1).)*)\1(?=\s*(?:$|[,\])]))|[^\s,\[\]()][^,\[\]()]*|(?<!\(),?\s*\)"""
)
_TABLE = re.compile(r'[\[(\s]*(?:\{.*:.*\}|dict\(.*\))', re.DOTALL)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Dotted keys and their values, from ``key=value`` texts.

    The syntax is that of MMEngine's ``DictAction``, which also removes all blanks and splits quoted
    words at their commas; here both stay.

    Raises:
        ValueError: when a value is a table, or a list that does not end.
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
    token = _TOKEN.fullmatch(text)
    if token is not None and (token[2] or '')[:1] in ('[', '('):
        # "[a,b]" is a list in quotes that a shell did not remove.
        return parse_value(token[2])
    if token is not None:
        return _parse_word(token)
    try:
        value = ast.literal_eval(_TOKEN.sub(_as_python, text))
    except (SyntaxError, ValueError) as error:
        if text[:1] == '[':
            raise ValueError(
                f'--cfg-options: {text} is no list: quote words that have brackets or commas'
            ) from error
        # They are part of a text.
        return text
    return [*value] if text[0] != '(' else value


def _parse_word(token: re.Match[str]) -> Any:
    if token[1]:
        return token[2]
    word = token[0].strip()
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    if word == 'None':
        return None
    return {'true': True, 'false': False}.get(word.lower(), word)


def _as_python(token: re.Match[str]) -> str:
    """A word as Python writes it, infinity as a number that is too large, and (a) as a tuple."""
    if token[0].endswith(')'):
        return ',)'
    value = _parse_word(token)
    return repr(value).replace('inf', '1e999') if isinstance(value, float) else repr(value)
