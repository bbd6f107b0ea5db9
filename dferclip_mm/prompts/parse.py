"""Read a prompt table from JSON or YAML text. Its values are texts, and an error names the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

# A prompt set is a page of text. YAML is read at a tenth of a millisecond for each name.
MAX_BYTES = 100_000
# Control characters, and halves of a surrogate pair, which nothing can encode.
_FOREIGN = yaml.reader.Reader.NON_PRINTABLE
_STR, _SEQ = 'tag:yaml.org,2002:str', 'tag:yaml.org,2002:seq'

# A class name, its sentences, and where they were found: ``file:line``.
Row = tuple[Any, Any, str]


def parse_prompts(data: bytes, source: str) -> dict[str, list[str]]:
    """A prompt table, class names (or ``*``) to sentences, from JSON or YAML in UTF-8.

    Raises:
        ValueError: when the text is no such table, repeats a name, or has anything but texts in
            it; with the file, `source`, and the line.
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
        # JSON is YAML but for tabs, which may indent it and never stand in its strings.
        rows = _rows(text.expandtabs() if source.endswith('.json') else text, source)
    except RecursionError as error:
        raise ValueError(f'{source}:1: nested too deeply: expected a flat table') from error
    return _check_rows(rows, source)


def check_table(table: Mapping[Any, Any], source: str) -> dict[str, list[str]]:
    """Check a table of class names and sentences, and turn single sentences into lists of one.

    Raises:
        ValueError: naming what is not a class name or not a sentence.
    """
    return _check_rows([(name, value, source) for name, value in table.items()], source)


def _check_rows(rows: Iterable[Row] | None, source: str) -> dict[str, list[str]]:
    checked: dict[str, list[str]] = {}
    for name, sentences, where in rows or ():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f'{where}: expected a class name as text, found {_shown(name)}')
        if name in checked:
            raise ValueError(f'{where}: the name {_shown(name)} appears twice')
        group = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(group, list | tuple) or not group:
            raise ValueError(
                f'{where}: expected sentences for {_shown(name)}, found {_shown(sentences)}'
            )
        for sentence in group:
            if not isinstance(sentence, str) or not sentence.strip() or _FOREIGN.search(sentence):
                raise ValueError(
                    f'{where}: expected a sentence for {_shown(name)}, found {_shown(sentence)}'
                )
            if name == '*' and '{}' not in sentence:
                raise ValueError(f'{where}: a template under "*" needs {{}} for the class name')
        checked[name] = list(group)
    if not checked:
        raise ValueError(f'{source}: expected a table of class names and sentences, found none')
    return checked


def _rows(text: str, source: str) -> list[Row] | None:
    try:
        # Nodes, not values: nothing is constructed, and each knows its line.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ValueError(f'{source}:{line}: {error.problem or error.context}') from error
    except yaml.reader.ReaderError as error:
        line = 1 + text.count('\n', 0, error.position)
        raise ValueError(f'{source}:{line}: {error.reason}: {chr(error.character)!r}') from error
    if not isinstance(node, yaml.MappingNode):
        return None
    rows = []
    for name, value in node.value:
        is_list = isinstance(value, yaml.SequenceNode) and value.tag == _SEQ
        texts = [_text(item, source) for item in value.value] if is_list else _text(value, source)
        rows.append((_text(name, source), texts, f'{source}:{name.start_mark.line + 1}'))
    return rows


def _text(node: yaml.Node, source: str) -> str:
    if isinstance(node, yaml.ScalarNode) and node.tag == _STR:
        # JSON writes a sign beyond 16 bits as two.
        return node.value.encode('utf-16', 'surrogatepass').decode('utf-16', 'surrogatepass')
    shown = _shown(node.value) if isinstance(node, yaml.ScalarNode) else f'a {node.id}'
    kind = _shown(node.tag.rpartition(':')[2])
    raise ValueError(
        f'{source}:{node.start_mark.line + 1}: expected text, found {shown} of the type {kind}: '
        'quote it'
    )


def _shown(value: Any) -> str:
    """A value for a message: short, and never nested."""
    if isinstance(value, list | tuple | set | Mapping):
        return f'a {type(value).__name__} of {len(value)}'
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'
