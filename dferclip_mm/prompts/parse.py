"""Read a prompt table from JSON or YAML text: plain data only, nothing repeated, nothing silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

# A prompt set is a page of text; anything larger is a mistake or an attack.
MAX_BYTES = 1_000_000
# Of YAML: its reader takes a tenth of a millisecond for each.
MAX_NODES = 10_000


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
        raise ValueError(f'{source} has more than {MAX_BYTES} bytes: expected a page of text')
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
            raise ValueError(f'{source}: the class name {_shown(name)} is not a string: quote it')
        if not name.strip() or not name.isprintable():
            raise ValueError(f'{source}: expected a class name of letters, found {_shown(name)}')
        group = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(group, list | tuple) or not group:
            raise ValueError(
                f'{source}: expected sentences for {_shown(name)}, found {_shown(sentences)}'
            )
        for sentence in group:
            if not isinstance(sentence, str) or not sentence.strip() or not _is_text(sentence):
                raise ValueError(
                    f'{source}: expected a sentence for {_shown(name)}, found {_shown(sentence)}'
                )
        if name == '*' and not all('{}' in sentence for sentence in group):
            raise ValueError(f'{source}: a template under "*" needs {{}} for the class name')
        checked[name] = list(group)
    return checked


def _is_text(sentence: str) -> bool:
    """Whether every character can be written; half of a pair, as JSON may spell it, cannot."""
    return not any('\ud800' <= sign <= '\udfff' for sign in sentence)


def _shown(value: Any) -> str:
    """A value for a message: short, and never nested."""
    if isinstance(value, list | tuple | set | Mapping):
        return f'a {type(value).__name__} of {len(value)}'
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f'the key {_shown(key)} appears twice')
        table[key] = value
    return table


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (they blow up) and without repeated keys (the last would win)."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        line = self.peek_event().start_mark.line + 1
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f'line {line}: aliases are not allowed')
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise yaml.YAMLError(f'line {line}: more than {MAX_NODES} names and sentences')
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.YAMLError(f'line {line}: expected a name before the colon')
            # A merge key would bring in names that nobody sees twice.
            if key.tag == 'tag:yaml.org,2002:merge':
                raise yaml.YAMLError(f'line {line}: merging by << is not allowed')
            if (key.tag, key.value) in seen:
                raise yaml.YAMLError(f'line {line}: the key {_shown(key.value)} appears twice')
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)
