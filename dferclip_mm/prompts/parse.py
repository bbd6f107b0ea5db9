"""Read a prompt table from JSON or YAML text: plain data only, nothing repeated, nothing silent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import yaml

# A prompt set is a page of text; anything larger is a mistake or an attack.
MAX_BYTES = 1_000_000
# Of YAML: its reader takes a tenth of a millisecond for each.
MAX_NODES = 10_000
_TAGS = 'tag:yaml.org,2002:'
_JSON_NAME = re.compile(r'("(?:[^"\\]|\\.)*")\s*:')


def parse_prompts(data: bytes, source: str) -> dict[str, list[str]]:
    """Parse a prompt table.

    Args:
        data: the file's content, UTF-8, JSON or YAML.
        source: the file's name for error messages; ``.json`` is read as JSON, all else as YAML.

    Returns:
        Class name (or ``*``) to sentences.

    Raises:
        ValueError: when the text is no such table, repeats a key, uses YAML aliases or tags, or has
            anything but texts in it; with file and line.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f'{source} has more than {MAX_BYTES} bytes: expected a page of text')
    try:
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = 1 + data.count(b'\n', 0, error.start)
        raise ValueError(
            f'{source}:{line}: byte {error.start} is no UTF-8 text: save the file as UTF-8'
        ) from error
    try:
        table, lines = (_read_json if source.endswith('.json') else _read_yaml)(text)
    except _RefusedError as error:
        raise ValueError(f'{source}:{error}') from error
    except RecursionError as error:
        raise ValueError(f'{source}:1: nested too deeply: expected a flat table') from error
    return check_table(table, source, lines)


def check_table(
    table: Any, source: str, lines: Mapping[str, int] = MappingProxyType({})
) -> dict[str, list[str]]:
    """Check a prompt table and turn single sentences into lists of one.

    Args:
        table: class names to sentences.
        source: what it was read from, for error messages.
        lines: at which each class stands, where that is a file.

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
        place = f'{source}:{lines[name]}' if name in lines else source
        if not name.strip() or not name.isprintable():
            raise ValueError(f'{place}: expected a class name of letters, found {_shown(name)}')
        group = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(group, list | tuple) or not group:
            raise ValueError(
                f'{place}: expected sentences for {_shown(name)}, found {_shown(sentences)}'
            )
        for sentence in group:
            if not isinstance(sentence, str) or not sentence.strip() or not _is_text(sentence):
                raise ValueError(
                    f'{place}: expected a sentence for {_shown(name)}, found {_shown(sentence)}'
                )
        if name == '*' and not all('{}' in sentence for sentence in group):
            raise ValueError(f'{place}: a template under "*" needs {{}} for the class name')
        checked[name] = list(group)
    return checked


class _RefusedError(Exception):
    """What is wrong, behind its line: ``'3: …'``."""


def _read_json(text: str) -> tuple[Any, dict[str, int]]:
    """What a JSON text holds, and the line of each name."""
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in pairs:
            if key in table:
                repeated.append(key)
            table[key] = value
        return table

    try:
        # As floats even long numbers are read, and refused where they stand.
        table = json.loads(text, object_pairs_hook=unique, parse_int=float)
    except json.JSONDecodeError as error:
        raise _RefusedError(f'{error.lineno}: {error.msg}') from error
    lines: dict[str, int] = {}
    line, end = 1, 0
    for found in _JSON_NAME.finditer(text):
        line, end = line + text.count('\n', end, found.start()), found.start()
        lines[json.loads(found[1])] = line
    if repeated:
        raise _RefusedError(f'{lines[repeated[0]]}: the key {_shown(repeated[0])} appears twice')
    return table, lines


def _read_yaml(text: str) -> tuple[Any, dict[str, int]]:
    """What a YAML text holds, and the line of each name."""
    try:
        loader = _PlainLoader(text)
        try:
            node = loader.get_single_node()
            table = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _RefusedError(f'{line}: {error.problem or error.context}') from error
    except yaml.reader.ReaderError as error:
        line = 1 + text.count('\n', 0, error.position)
        raise _RefusedError(f'{line}: {error.reason}: {chr(error.character)!r}') from error
    names = node.value if isinstance(node, yaml.MappingNode) else []
    return table, {name.value: name.start_mark.line + 1 for name, _ in names}


def _is_text(sentence: str) -> bool:
    """Whether every character can be written; half of a pair, as JSON may spell it, cannot."""
    return not any('\ud800' <= sign <= '\udfff' for sign in sentence)


def _shown(value: Any) -> str:
    """A value for a message: short, and never nested."""
    if isinstance(value, list | tuple | set | Mapping):
        return f'a {type(value).__name__} of {len(value)}'
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


_KINDS = {
    f'{_TAGS}str': yaml.ScalarNode,
    f'{_TAGS}seq': yaml.SequenceNode,
    f'{_TAGS}map': yaml.MappingNode,
}


class _PlainLoader(yaml.SafeLoader):
    """YAML of texts alone: nothing is made of anything else, and no name stands twice."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise _refusal(mark, 'aliases are not allowed')
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _refusal(mark, f'more than {MAX_NODES} names and sentences')
        node = super().compose_node(parent, index)
        # A merge key would bring in names that nobody sees twice.
        if node.tag == f'{_TAGS}merge':
            raise _refusal(mark, 'merging by << is not allowed')
        if not isinstance(node, _KINDS.get(node.tag, ())):
            # Making a number or a date of it fails in many ways, and may take minutes.
            kind = node.tag.removeprefix(_TAGS)
            shown = f'{_shown(node.value)} ' if isinstance(node, yaml.ScalarNode) else ''
            raise _refusal(mark, f'{shown}is read as {_shown(kind)}, not as text: quote it')
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal(key.start_mark, 'expected a name before the colon')
            if key.value in seen:
                raise _refusal(key.start_mark, f'the key {_shown(key.value)} appears twice')
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refusal(mark: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
