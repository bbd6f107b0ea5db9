"""Settings that are lost: variables that MMEngine resolves while it reads a config file.

``data_root = 'data/DFEW'`` in a config is a variable; the run reads the values that were computed
from it. Changing the variable afterwards, with ``--cfg-options`` or in a config that inherits,
changes nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from .config_keys import RUN_KEYS, closest, walk

# Keys that a message names at most.
_MANY = 12


def check_options(cfg: Mapping[str, Any], options: Iterable[str]) -> None:
    """Refuse dotted ``--cfg-options`` whose first word is no key that a run reads."""
    said = []
    for option in options:
        first, _, rest = option.partition('.')
        if first in RUN_KEYS:
            continue
        meant = closest(first, RUN_KEYS)
        if meant is None:
            instead = f'set {_join(find_keys(cfg, option.rpartition(".")[2]))}'
        else:
            instead = f'did you mean {f"{meant}.{rest}".rstrip(".")!r}?'
        said.append(f'{option}: no run reads {first!r}; {instead}')
    if said:
        raise ValueError(f'--cfg-options: {" ".join(said)}')


def find_keys(cfg: Mapping[str, Any], name: str) -> list[str]:
    """The keys of a name that a run reads; without one, those that have it as a word.

    ``train_pipeline`` is the ``pipeline`` of what begins with ``train_``.
    """
    if name == 'type':
        return []
    keys = {location: location.rpartition('.')[2] for location, _ in walk(cfg)}
    split, _, rest = name.partition('_')
    return (
        [key for key, last in keys.items() if last == name]
        or [key for key, last in keys.items() if last == rest and key.startswith(f'{split}_')]
        or [key for key, last in keys.items() if name in last.split('_')]
    )


def find_lost_variables(cfg: Config) -> list[str]:
    """A warning for each plain variable that was set and that no run reads.

    Set means: in a config that inherits and does not use the variable itself, or after the file was
    read, as MMAction2's own programs do with ``--cfg-options``. Read by nothing means: a key of the
    same name has another value.
    """
    path = Path(cfg.filename or '')
    if path.suffix != '.py' or not path.is_file():
        return []
    unused, original = _unused_variables(path), Config.fromfile(path)
    said = []
    for name, value in cfg.items():
        changed = name in unused or original.get(name, value) != value
        if name in RUN_KEYS or not changed or not _is_plain(value):
            continue
        named = {key: found for key, found in walk(cfg) if key.rpartition('.')[2] == name}
        other = {key: found for key, found in named.items() if _is_plain(found) and found != value}
        if other:
            values = ', '.join(dict.fromkeys(map(repr, other.values())))
            said.append(
                f'config: {name} = {value!r} is read by nothing: the run has {values}; '
                f'set {_join([*other])}'
            )
    return said


def _unused_variables(path: Path) -> set[str]:
    """The variables that a config with ``_base_``, or one of its bases, sets but does not use."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    bases = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_'
    ]
    if not bases:
        return set()
    files = [path.parent / name for name in np.ravel(bases[0])]
    # Those in another package are no files here.
    files = [file for file in files if file.suffix == '.py' and file.is_file()]
    return (stored - used).union(*map(_unused_variables, files))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, str | int | float | None)


def _join(keys: list[str]) -> str:
    if not keys:
        return 'a key that it reads, such as model or train_dataloader'
    return ', '.join(keys[:_MANY]) + (', …' if len(keys) > _MANY else '')
