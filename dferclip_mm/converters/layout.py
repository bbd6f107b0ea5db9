"""Rename the tensors of a state dict by a table, strictly and in both directions.

A table is a list of rules, each a pair (their prefix, our prefix). Several of their names may stand
for one of ours: the published files store their shared towers more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from .errors import ConversionError

State = dict[str, torch.Tensor]
Shapes = Mapping[str, tuple[int, ...]]
Rules = Sequence[tuple[str, str]]

_SHOWN = 4


def strip_wrappers(state: Mapping[str, torch.Tensor]) -> State:
    """Names without the ``module.`` of any number of DataParallel wrappers."""
    stripped = dict(state)
    while stripped and all(name.startswith('module.') for name in stripped):
        stripped = {name.removeprefix('module.'): value for name, value in stripped.items()}
    return stripped


def their_names(rules: Rules, ours: Iterable[str]) -> dict[str, str]:
    """Each of their names and the name of ours that it stands for."""
    names = list(ours)
    return {
        theirs + name.removeprefix(prefix): name
        for theirs, prefix in rules
        for name in names
        if name.startswith(prefix)
    }


def to_ours(state: Mapping[str, torch.Tensor], rules: Rules, shapes: Shapes, kind: str) -> State:
    """Rename their tensors to ours.

    Args:
        state: tensors by their names.
        rules: pairs of prefixes.
        shapes: the shape of each of our tensors.
        kind: what the file is taken for, for error messages.

    Raises:
        ConversionError: naming what is missing, left over, misshapen, or stored twice with
            different values.
    """
    table = their_names(rules, shapes)
    misshapen = [
        f'{name} {_describe(state[name])} for {tuple(shapes[ours])} float32'
        for name, ours in table.items()
        if name in state and _differs(state[name], shapes[ours])
    ]
    _require_nothing(
        kind,
        {
            'missing': [name for name in table if name not in state],
            'left over': [name for name in state if name not in table],
            'of another shape': misshapen,
        },
    )
    renamed: State = {}
    origin: dict[str, str] = {}
    torn = []
    for name, ours in table.items():
        if ours not in renamed:
            renamed[ours], origin[ours] = state[name], name
        elif not torch.equal(state[name], renamed[ours]):
            torn.append(f'{name} and {origin[ours]}')
    if torn:
        raise ConversionError(
            f'{len(torn)} tensors that a {kind} checkpoint stores twice have different values, '
            f'so it is not one: {shorten(torn)}'
        )
    return renamed


def to_theirs(state: Mapping[str, torch.Tensor], rules: Rules, shapes: Shapes, kind: str) -> State:
    """Rename our tensors to theirs: the inverse of ``to_ours``, with every copy written again.

    Raises:
        ConversionError: naming what is missing or left over.
    """
    table = their_names(rules, shapes)
    needed = set(table.values())
    _require_nothing(
        kind,
        {
            'missing': sorted(needed - set(state)),
            'left over': [name for name in state if name not in needed],
        },
    )
    return {theirs: state[ours] for theirs, ours in table.items()}


def shorten(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more


def _require_nothing(kind: str, problems: Mapping[str, Sequence[str]]) -> None:
    found = [f'{len(names)} {side}: {shorten(names)}' for side, names in problems.items() if names]
    if found:
        raise ConversionError(
            f'the file does not fit the layout of {kind}: {"; ".join(found)}; give the file as it '
            'was published'
        )


def _differs(value: object, shape: tuple[int, ...]) -> bool:
    return (
        not isinstance(value, torch.Tensor)
        or tuple(value.shape) != tuple(shape)
        or value.dtype != torch.float32
    )


def _describe(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f'{tuple(value.shape)} {str(value.dtype).removeprefix("torch.")}'
    return type(value).__name__
