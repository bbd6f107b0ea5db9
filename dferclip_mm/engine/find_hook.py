"""Which hook of a kind a run has."""

from __future__ import annotations

from typing import Any, TypeVar

from mmengine.hooks import Hook

Kind = TypeVar('Kind', bound=Hook)


def find_hook(runner: Any, kind: type[Kind]) -> Kind | None:
    """The first of a run's hooks that is of a class, or of one derived from it."""
    return next((hook for hook in runner.hooks if isinstance(hook, kind)), None)
