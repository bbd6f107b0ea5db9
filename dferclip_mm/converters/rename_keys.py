"""Rename the tensors of a state dict by rules (see `layouts`), strictly."""

from __future__ import annotations

import torch

from ..checkpoints.compare import Tensors, find_mismatch, shorten
from .layouts import Rules


def rename_keys(
    state: Tensors, rules: Rules, expected: Tensors, kind: str
) -> dict[str, torch.Tensor]:
    """Rename their tensors to ours.

    Args:
        state: tensors by their names.
        rules: pairs of prefixes.
        expected: our tensors, for their shapes.
        kind: what the file seems to be, for error messages.

    Raises:
        ValueError: naming what is missing, left over, of another shape, or stored twice with
            different values.
    """
    table = {
        theirs + name.removeprefix(prefix): name
        for theirs, prefix in rules
        for name in expected
        if name.startswith(prefix)
    }
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
