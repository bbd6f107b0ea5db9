"""Rename the tensors of a state dict by rules (see `layouts`), strictly, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from ..checkpoints.compare import shorten
from .layouts import Rules

State = dict[str, torch.Tensor]
Shapes = Mapping[str, tuple[int, ...]]


def shapes_of(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name."""
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def to_ours(state: Mapping[str, torch.Tensor], rules: Rules, shapes: Shapes, kind: str) -> State:
    """Rename their tensors to ours.

    Args:
        state: tensors by their names.
        rules: pairs of prefixes.
        shapes: the shape of each of our tensors.
        kind: what the file seems to be, for error messages.

    Raises:
        ValueError: naming what is missing, left over, of another shape, or stored twice with
            different values.
    """
    table = _their_names(rules, shapes)
    misshapen = [
        f'{name} {_describe(state[name])} instead of {tuple(shapes[ours])} float32'
        for name, ours in table.items()
        if name in state and _describe(state[name]) != f'{tuple(shapes[ours])} float32'
    ]
    _check_empty(
        kind,
        {
            'missing': [name for name in table if name not in state],
            'left over': [name for name in state if name not in table],
            'of another shape': misshapen,
        },
    )
    renamed: State = {}
    differing = []
    for name, ours in table.items():
        if not torch.equal(renamed.setdefault(ours, state[name]), state[name]):
            differing.append(name)
    if differing:
        raise ValueError(
            f'{len(differing)} tensors that a {kind} checkpoint stores twice differ from their '
            f'copies, so it is not one: {shorten(differing)}'
        )
    return renamed


def to_theirs(state: Mapping[str, torch.Tensor], rules: Rules, kind: str) -> State:
    """Rename our tensors to theirs: the inverse of ``to_ours``, with every copy written again.

    Raises:
        ValueError: naming what is left over.
    """
    table = _their_names(rules, state)
    known = set(table.values())
    _check_empty(kind, {'left over': [name for name in state if name not in known]})
    return {theirs: state[ours] for theirs, ours in table.items()}


def _their_names(rules: Rules, ours: Iterable[str]) -> dict[str, str]:
    """Their names, each with ours."""
    names = list(ours)
    return {
        theirs + name.removeprefix(prefix): name
        for theirs, prefix in rules
        for name in names
        if name.startswith(prefix)
    }


def _check_empty(kind: str, problems: Mapping[str, Sequence[str]]) -> None:
    found = [f'{len(names)} {side}: {shorten(names)}' for side, names in problems.items() if names]
    if found:
        raise ValueError(
            f'the file does not fit the layout of {kind}: {"; ".join(found)}; give the file as it '
            'was published'
        )


def _describe(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f'{tuple(value.shape)} {str(value.dtype).removeprefix("torch.")}'
    return type(value).__name__
