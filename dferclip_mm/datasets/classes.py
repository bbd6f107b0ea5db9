"""The classes of a dataset: their order, and which clips are taken."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..emotions import EMOTIONS


def check_names(argument: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Check that an argument names classes, or compounds of them.

    Raises:
        ValueError: if one is unknown.
    """
    for name in names:
        if name not in known and not {*name.split('_')} <= {*known}:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f'did you mean {close[0]!r}? ' if close else ''
            raise ValueError(
                f'{argument}: {name!r} is not a class: {hint}The classes are {", ".join(known)}'
            )


@dataclass(frozen=True)
class ClassChoice:
    """Which labels of a list are taken, and as which class.

    Attributes:
        class_map: label -> class; others keep their name.
        exclude: labels or classes that are left out.
        include: the only ones that are taken; empty: all.
    """

    class_map: Mapping[str, str] = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()

    def class_of(self, label: str) -> str:
        """The class of a label."""
        return self.class_map.get(label, label)

    def takes(self, label: str) -> bool:
        """Whether clips of a label are taken."""
        names = {label, self.class_of(label)}
        return not names & self.exclude and (not self.include or bool(names & self.include))

    def taken_classes(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The classes that clips are taken of."""
        kept = [name for name in classes if name in EMOTIONS or name not in self.class_map.values()]
        taken = {self.class_of(label) for label in (*self.class_map, *kept) if self.takes(label)}
        return tuple(name for name in classes if name in taken)
