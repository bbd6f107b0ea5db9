"""Arguments of our components: a misspelt one is refused with those that exist.

The classes pass unknown arguments on to MMAction2's, whose TypeError names neither.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mmaction import registry
from mmaction.models.heads import BaseHead
from mmengine.hooks import Hook

from .config_keys import closest, walk

_REGISTRIES = (
    registry.DATASETS,
    registry.HOOKS,
    registry.METRICS,
    registry.MODELS,
    registry.TRANSFORMS,
)
# Our heads count their classes and texts themselves, and pass the numbers on.
_COUNTED = {'num_classes', 'text_dims'}


def check_arguments(cfg: Mapping[str, Any]) -> None:
    """Refuse arguments that a component of this package does not take."""
    said: list[str] = []
    for location, settings in walk(cfg):
        kind = find_class(settings)
        if kind is None:
            continue
        known = accepted(kind)
        # MMEngine's runner takes a hook's priority from its settings.
        general = {'type', '_scope_', *(('priority',) if issubclass(kind, Hook) else ())}
        for name in set(settings) - known - general:
            meant = closest(name, known, 0.6)
            hint = f', did you mean {meant!r}?' if meant else ':'
            said.append(
                f'{location}: {kind.__name__} has no argument {name!r}{hint} it takes '
                f'{", ".join(sorted(known)) or "none"}.'
            )
    if said:
        raise ValueError(
            f'config: {" ".join(said)} (In a config that inherits, _delete_=True in that dict '
            'removes the settings of the base.)'
        )


def accepted(kind: type) -> set[str]:
    """The arguments of a class, and those that it passes on to its bases."""
    names: set[str] = set()
    for each in kind.__mro__:
        if '__init__' not in vars(each) or each is object:
            continue
        parameters = list(inspect.signature(vars(each)['__init__']).parameters.values())[1:]
        given = {known.name for known in parameters if known.kind not in (2, 4)}
        names |= given - (_COUNTED if each is not kind and issubclass(kind, BaseHead) else set())
        if all(known.kind != inspect.Parameter.VAR_KEYWORD for known in parameters):
            break
    return names


def find_class(settings: Any) -> Any:
    """The class of a component of this package; None for any other setting."""
    kind = settings.get('type') if isinstance(settings, Mapping) else None
    if isinstance(kind, str):
        name = kind.rpartition('.')[2]
        found = (each.module_dict.get(name) for each in _REGISTRIES)
        kind = next((each for each in found if each is not None), None)
    ours = inspect.isclass(kind) and kind.__module__.startswith('dferclip_mm.')
    return kind if ours else None
