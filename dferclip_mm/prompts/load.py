"""Find a prompt set and pick the sentences of the wanted classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from .parse import MAX_BYTES, check_table, parse_prompts

_FOLDER = Path(__file__).parent
# The sets that ship: a JSON file each, beside this module.
PROMPT_SETS = tuple(sorted(path.stem for path in _FOLDER.glob('*.json')))

PromptSource = str | Path | Mapping[str, Any] | Sequence[Any]


def load_prompts(prompts: PromptSource, classes: Sequence[str]) -> list[list[str]]:
    """The sentences of each class, in the order of the classes; see `load_prompt_parts`."""
    return [list(chain(*parts.values())) for parts in load_prompt_parts(prompts, classes)]


def load_prompt_parts(prompts: PromptSource, classes: Sequence[str]) -> list[dict[str, list[str]]]:
    """The sentences of each class by emotion, in the order of the classes.

    A compound class has a part for each of its emotions, so that they can weigh the same, however
    many sentences each has. Any other class has one part, itself.

    Args:
        prompts: the name of a set that ships (one of ``PROMPT_SETS``), the path of a JSON or YAML
            file, a table, or a list with one sentence (or list of sentences) for each class.
        classes: C class names.

    Returns:
        C tables of at least one part with at least one sentence.

    Raises:
        ValueError: when the set is unknown, a class has no sentence, or the table is malformed.
    """
    source = 'the prompt table'
    if isinstance(prompts, str | Path):
        source = str(_find(prompts))
        with Path(source).open('rb') as file:
            # One byte more than there may be, however large the file is.
            table = parse_prompts(file.read(MAX_BYTES + 1), source)
    elif isinstance(prompts, Mapping):
        table = check_table(prompts, source)
    elif len(prompts) == len(classes):
        table = check_table(dict(zip(classes, prompts, strict=True)), source)
    else:
        raise ValueError(
            f'the list of prompts has {len(prompts)} entries for {len(classes)} classes '
            f'({", ".join(classes)}): give one for each, in this order'
        )
    return [_parts(table, name, source) for name in classes]


def _find(prompts: str | Path) -> Path:
    shipped = _FOLDER / f'{prompts}.json'
    path = shipped if str(prompts) in PROMPT_SETS else Path(prompts).expanduser()
    if not path.is_file():
        raise ValueError(
            f'prompts={str(prompts)!r} is neither a prompt set ({", ".join(PROMPT_SETS)}) nor a '
            f'JSON or YAML file (seen from {Path.cwd()})'
        )
    return path


def _parts(table: Mapping[str, list[str]], name: str, source: str) -> dict[str, list[str]]:
    if name in table:
        return {name: table[name]}
    parts = name.split('_')
    if len(parts) > 1 and all(part in table for part in parts):
        return {part: table[part] for part in parts}
    if '*' in table:
        return {name: [text.replace('{}', name.replace('_', ' and ')) for text in table['*']]}
    raise ValueError(f'{source} has no prompt for the class {name!r}: it has {", ".join(table)}')
