"""Rename the tensors of a state dict by rules (see `layouts`), strictly, in both directions."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..checkpoints.compare import Tensors, find_mismatch, shorten
from .layouts import Rules


def to_ours(state: Tensors, rules: Rules, expected: Tensors, kind: str) -> dict[str, torch.Tensor]:
    """Rename their tensors to ours, which have the shapes of `expected`.

    Raises:
        ValueError: naming what is missing, left over, of another shape, or stored twice with
            different values.
    """
    table = _their_names(rules, expected)
    problem = find_mismatch(state, {theirs: expected[ours] for theirs, ours in table.items()})
    if problem:
        raise ValueError(
            f'the file does not fit the layout of {kind}: {problem}; give the file as it was '
            'published'
        )
    renamed: dict[str, torch.Tensor] = {}
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


def to_theirs(state: Tensors, rules: Rules) -> dict[str, torch.Tensor]:
    """Rename our tensors to theirs: the inverse of ``to_ours``, with every copy written again.

    Raises:
        ValueError: naming what has no name of theirs.
    """
    table = _their_names(rules, state)
    rest = [name for name in state if name not in set(table.values())]
    if rest:
        raise ValueError(f'{len(rest)} tensors have no place in a published file: {shorten(rest)}')
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
