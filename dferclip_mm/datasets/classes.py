"""The classes of a dataset: their order, and which of them are left out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..emotions import EMOTIONS


def compound_order(labels: set[str]) -> list[str]:
    """Single emotions in their canonical order, then compounds sorted by name."""
    return [name for name in EMOTIONS if name in labels] + sorted(labels - set(EMOTIONS))


def excluded_classes(
    classes: Sequence[str], exclude: Sequence[str] = (), only: Sequence[str] = ()
) -> list[str]:
    """The classes that are excluded, or not among the included ones.

    Raises:
        ValueError: if a name is not a class, or both lists are given.
    """
    named = {'exclude_classes': _names(exclude), 'include_classes': _names(only)}
    for argument, names in named.items():
        unknown = [name for name in names if name not in classes]
        if unknown:
            close = difflib.get_close_matches(unknown[0], classes, n=1, cutoff=0.5)
            hint = f'did you mean {close[0]!r}? ' if close else ''
            raise ValueError(
                f'{argument}: {unknown[0]!r} is not a class: {hint}The classes are '
                f'{", ".join(classes)}'
            )
    if all(named.values()):
        raise ValueError('give exclude_classes or include_classes, not both')
    if named['include_classes']:
        return [name for name in classes if name not in named['include_classes']]
    return [*named['exclude_classes']]


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
