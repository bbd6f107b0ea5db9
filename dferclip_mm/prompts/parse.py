"""Read a prompt table from JSON or YAML text: plain data only, nothing repeated, nothing silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

# A prompt set is a page of text; anything larger is a mistake or an attack.
MAX_BYTES = 1_000_000


def parse_prompts(data: bytes, source: str) -> dict[str, list[str]]:
    """Parse a prompt table.

    Args:
        data: the file's content, UTF-8, JSON or YAML.
        source: the file's name for error messages; ``.json`` is read as JSON, all else as YAML.

    Returns:
        Class name (or ``*``) to sentences.

    Raises:
        ValueError: when the text is no such table, repeats a key, or uses YAML aliases or tags.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f'{source} has {len(data)} bytes; a prompt file has at most {MAX_BYTES}')
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{source} is not UTF-8 text (byte {error.start}): save it as UTF-8'
        ) from error
    try:
        if source.endswith('.json'):
            table = json.loads(text, object_pairs_hook=_unique)
        else:
            table = yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f'{source}: {" ".join(str(error).split())}') from error
    except RecursionError as error:
        raise ValueError(f'{source} is nested too deeply: expected a flat table') from error
    return check_table(table, source)


def check_table(table: Any, source: str) -> dict[str, list[str]]:
    """Check a prompt table and turn single sentences into lists of one.

    Raises:
        ValueError: naming what is not a class name or not a sentence.
    """
    if not isinstance(table, Mapping) or not table:
        raise ValueError(
            f'{source}: expected a table of class names and sentences, found '
            f'{type(table).__name__ if not isinstance(table, Mapping) else "an empty one"}'
        )
    checked = {}
    for name, sentences in table.items():
        if not isinstance(name, str):
            raise ValueError(f'{source}: the class name {name!r} is not a string: quote it')
        group = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(group, list | tuple) or not group:
            raise ValueError(f'{source}: expected sentences for {name!r}, found {sentences!r}')
        for sentence in group:
            if not isinstance(sentence, str) or not sentence.strip():
                raise ValueError(f'{source}: expected a sentence for {name!r}, found {sentence!r}')
        if name == '*' and not all('{}' in sentence for sentence in group):
            raise ValueError(f'{source}: a template under "*" needs {{}} for the class name')
        checked[name] = list(group)
    return checked


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key {repeated!r} appears twice')
    return table


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (they blow up) and without repeated keys (the last would win)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(f'line {event.start_mark.line + 1}: aliases are not allowed')
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise yaml.YAMLError(f'line {line}: the key {key!r} appears twice')
        return super().construct_mapping(node, deep)
