"""From the texts after ``--cfg-options`` to keys and values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import yaml

_WORDS = {'true': True, 'false': False, 'none': None}


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Dotted keys and their values, from ``key=value`` texts.

    MMEngine's ``DictAction`` removes all blanks and splits quoted words at their commas; here both
    stay. Lists are in YAML's notation; words separated by commas are a list without brackets.

    Raises:
        ValueError: when a value is a table, or a list that cannot be read.
    """
    options = {}
    for key, _, text in (each.partition('=') for each in texts):
        if text.lstrip('[( ').startswith(('{', 'dict(')):
            raise ValueError(
                f'--cfg-options {key}: expected a value or a list, found the table {text}: write '
                f'{key}.NAME=VALUE for each of its entries, or put it into a config'
            )
        try:
            options[key] = parse_value(text)
        except yaml.YAMLError as error:
            raise ValueError(f'--cfg-options {key}: {text} is no list: {error}') from error
    return options


def parse_value(text: str) -> Any:
    """A number, True, False, None, a word, or a list or tuple of these."""
    text = text.strip()
    if text[:1] in ('(', '['):
        # Numbers, tuples and quoted words.
        with suppress(ValueError, SyntaxError):
            return ast.literal_eval(text)
    if text[:1] == '[':
        return _convert(yaml.load(text, yaml.BaseLoader))
    if text[:1] in ('"', "'") or (',' in text and '(' not in text):
        with suppress(yaml.YAMLError, KeyError, TypeError):
            found = yaml.load(f'[{text}]', yaml.BaseLoader)
            # "[a,b]" is a list in quotes that a shell did not remove.
            alone = found[0] if len(found) == 1 and found[0][:1] not in ('[', '(') else None
            return _convert(found) if len(found) > 1 else alone or parse_value(found[0])
    return _convert(text)


def _convert(found: Any) -> Any:
    if not isinstance(found, str):
        return [_convert(each) for each in found]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(found)
    return _WORDS.get(found.lower(), found)
