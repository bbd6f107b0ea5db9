"""Arguments of components: a misspelt one is refused with those that exist.

Our classes pass unknown arguments on to MMAction2's, whose TypeError names neither. Optimizers and
schedules of MMEngine and PyTorch are checked as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mmaction import registry
from mmaction.models.heads import BaseHead
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS

from .config_keys import closest, walk

_REGISTRIES = (
    registry.DATASETS,
    registry.HOOKS,
    registry.METRICS,
    registry.MODELS,
    registry.TRANSFORMS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
)
_CHECKED = ('dferclip_mm.', 'mmengine.optim.scheduler.', 'torch.optim.')
# Our heads count their classes and texts themselves, and pass the numbers on.
_COUNTED = {'num_classes', 'text_dims'}
# MMEngine's runner takes the priority of a hook and the counting of a schedule from these.
_GENERAL = {'type', '_scope_', 'convert_to_iter_based', 'priority'}


def check_arguments(cfg: Mapping[str, Any]) -> None:
    """Refuse arguments that a component does not take; the same one in several places once."""
    found: dict[tuple[type, str], list[str]] = {}
    for location, settings in walk(cfg):
        kind = find_class(settings)
        if kind is None:
            continue
        for name in set(settings) - accepted(kind) - _GENERAL:
            found.setdefault((kind, name), []).append(location)
    said = []
    for (kind, name), locations in found.items():
        known = accepted(kind)
        meant = closest(name, known, 0.6)
        hint = f', did you mean {meant!r}?' if meant else ':'
        said.append(
            f'{", ".join(locations)}: {kind.__name__} has no argument {name!r}{hint} it takes '
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
    for each in [each for each in kind.__mro__[:-1] if '__init__' in vars(each)]:
        parameters = list(inspect.signature(vars(each)['__init__']).parameters.values())[1:]
        given = {known.name for known in parameters if known.kind not in (2, 4)}
        names |= given - (_COUNTED if each is not kind and issubclass(kind, BaseHead) else set())
        if all(known.kind != inspect.Parameter.VAR_KEYWORD for known in parameters):
            break
    # MMEngine gives them.
    return names - {'optimizer', 'params'}


def find_class(settings: Any) -> Any:
    """The class of a component whose arguments are checked; None for any other setting."""
    kind = settings.get('type') if isinstance(settings, Mapping) else None
    if isinstance(kind, str):
        name = kind.rpartition('.')[2]
        found = (each.module_dict.get(name) for each in _REGISTRIES)
        kind = next((each for each in found if each is not None), None)
    checked = inspect.isclass(kind) and kind.__module__.startswith(_CHECKED)
    return kind if checked else None


def is_recall_metric(settings: Any) -> bool:
    """Whether the config of a metric is that of our RecallMetric, also with a scope."""
    return getattr(find_class(settings), '__name__', '') == 'RecallMetric'
