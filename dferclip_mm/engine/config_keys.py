"""Which keys of a config nobody reads, because a letter of them is wrong.

MMEngine ignores unknown keys at the top level and in several places below it, so that a run with
``optim_wraper`` or ``load_form`` trains with something else than was asked for. Only keys that are
close to one that is read are refused: a config may have variables of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any, NamedTuple

from .config_places import (
    BESIDE,
    COMPONENT_KEYS,
    DEFAULT_HOOKS,
    DEFAULT_TYPES,
    MULTIPLIERS,
    REGISTRIES,
    class_names,
    find_class,
    loader_keys,
    parameters_of,
    plain_keys,
    top_level_keys,
)
from .spelling import closest


class Misspelling(NamedTuple):
    """A key or value that nothing reads, and the one that it is close to."""

    place: str
    found: str
    meant: str

    def __str__(self) -> str:
        return f'{self.place}: {self.found!r} is unknown, did you mean {self.meant!r}?'


def require_known_keys(cfg: Mapping[str, Any]) -> None:
    """Refuse a config with misspelt keys, component names or names of metrics.

    Args:
        cfg: a run's config, with its ``custom_imports`` done.

    Raises:
        ValueError: naming every misspelling and what was probably meant.
    """
    refuse(find_misspellings(cfg))


def refuse(found: Iterable[Misspelling]) -> None:
    """Raise a ValueError that names each misspelling once; nothing without any."""
    # A list of dicts is shared by several places: each misspelling is told where it is first.
    told = list({(one.found, one.meant): one for one in reversed(list(found))}.values())[::-1]
    if told:
        sentence = ' '.join(map(str, told))
        raise ValueError(
            f'config: {sentence} (a variable of your own that is only close to a key of the '
            'host needs another name)'
        )


def find_misspellings(cfg: Mapping[str, Any]) -> list[Misspelling]:
    """What in a config is close to something that is read, but is not it."""
    found = list(_keys('', cfg, top_level_keys(cfg)))
    for key in REGISTRIES.keys() & cfg.keys():
        found += _component(key, cfg[key], key, REGISTRIES[key])
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if isinstance(cfg.get(key), Mapping):
            found += _arguments(key, cfg[key], loader_keys(), 'DATASETS')
    hooks = cfg.get('default_hooks') or {}
    found += _keys('default_hooks', hooks, DEFAULT_HOOKS)
    for key, hook in hooks.items():
        found += _component(f'default_hooks.{key}', hook, 'custom_hooks', 'HOOKS')
    for key in ('randomness', 'auto_scale_lr', 'env_cfg', 'custom_imports'):
        found += _plain(key, cfg.get(key), key, 'MODELS')
    return sorted([*found, *_best(cfg)], key=lambda one: one.place.count('.'))


def find_lost_custom_keys(cfg: Mapping[str, Any], names: Iterable[str]) -> list[Misspelling]:
    """Entries of ``paramwise_cfg.custom_keys`` that are close to a part of the model, not one.

    Args:
        cfg: a run's config.
        names: of the model's modules and parameters.
    """
    wrapper = cfg.get('optim_wrapper') or {}
    custom = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    names = list(names)
    # MMEngine looks for the key anywhere in a parameter's name.
    lost = [key for key in custom if not any(key in name for name in names)]
    words = [name.split('.') for name in names] if lost else []
    parts = {'.'.join(word[:end]) for word in words for end in range(1, len(word) + 1)}
    place = 'optim_wrapper.paramwise_cfg.custom_keys'
    meant = {key: closest(key, parts) for key in lost}
    return [Misspelling(place, key, part) for key, part in meant.items() if part]


def _component(place: str, node: Any, argument: str, registry: str) -> Iterator[Misspelling]:
    """Look through what a registry builds: one dict, a list of them, or dicts by name."""
    if isinstance(node, (list, tuple)):
        for index, each in enumerate(node):
            yield from _component(f'{place}.{index}', each, argument, registry)
        return
    if not isinstance(node, Mapping):
        return
    kind = node.get('type', DEFAULT_TYPES.get(argument))
    if argument == 'train_cfg' and kind is None:
        kind = 'EpochBasedTrainLoop' if node.get('by_epoch') else 'IterBasedTrainLoop'
    if kind is None:
        yield from _plain(place, node, argument, registry)
        return
    built = find_class(kind, registry)
    if built is None:
        # Elsewhere a `type` may be a name that its owner alone understands.
        meant = closest(kind, class_names(registry)) if argument in REGISTRIES else None
        if meant:
            yield Misspelling(f'{place}.type', kind, meant)
        known = frozenset[str]()
    else:
        known = parameters_of(built) | BESIDE.get(registry, set())
    yield from _arguments(place, node, known | COMPONENT_KEYS, registry)


def _plain(place: str, node: Any, argument: str, registry: str) -> Iterator[Misspelling]:
    """Look through a dict that no registry builds, or that lost its ``type``."""
    if not isinstance(node, Mapping):
        return
    known = plain_keys().get(argument, frozenset({'type'}))
    if argument == 'custom_keys':
        for key, value in node.items():
            if isinstance(value, Mapping):
                yield from _keys(f'{place}.{key}', value, MULTIPLIERS)
        return
    yield from _arguments(place, node, known, registry)


def _arguments(
    place: str, node: Mapping, known: frozenset[str], registry: str
) -> Iterator[Misspelling]:
    yield from _keys(place, node, known)
    for key, value in node.items():
        inner = REGISTRIES.get(key, registry)
        yield from _component(f'{place}.{key}', value, key, inner)


def _keys(place: str, node: Mapping, known: Iterable[str]) -> Iterator[Misspelling]:
    known = frozenset(known)
    for key in node:
        meant = None if key in known else closest(key, known)
        if meant:
            yield Misspelling(f'{place}.{key}'.lstrip('.'), key, meant)


def _best(cfg: Mapping[str, Any]) -> Iterator[Misspelling]:
    """``save_best`` must name what the metrics of the validation report."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    best, metrics = hook.get('save_best'), cfg.get('val_evaluator')
    metrics = [metrics] if isinstance(metrics, Mapping) else metrics or []
    names = [best] if isinstance(best, str) else best or []
    yield from _unreported(names, [_reports(metric) for metric in metrics])


def find_lost_best(names: Iterable[str], metrics: Iterable[Any]) -> list[Misspelling]:
    """Names in ``save_best`` that no metric of a run logs, now that it knows its classes.

    Args:
        names: what the best checkpoint is chosen by.
        metrics: of the validation, built, with the data set's ``dataset_meta``.
    """
    reported = [
        _named(metric, metric.prefix, vars(metric), metric.dataset_meta) for metric in metrics
    ]
    return list(_unreported(names, reported))


def _unreported(names: Iterable[str], reported: list[list[str] | None]) -> Iterator[Misspelling]:
    if not reported or None in reported:
        # A metric that does not tell: compared after the first validation.
        return
    patterns = [pattern for each in reported for pattern in each or ()]
    for name in names:
        # A class may be called like a pattern.
        found = name in ('auto', *patterns) or any(fnmatch(name, each) for each in patterns)
        if not found:
            close = difflib.get_close_matches(name, patterns, n=1, cutoff=0.0)
            meant = close[0] if close else 'auto'
            yield Misspelling('default_hooks.checkpoint.save_best', name, meant)


def _reports(metric: Any) -> list[str] | None:
    """Patterns of the names that a metric of a config logs; None where its class does not tell."""
    built: Any = find_class(metric.get('type'), 'METRICS') if isinstance(metric, Mapping) else None
    prefix = metric.get('prefix') or getattr(built, 'default_prefix', None) if built else None
    return _named(built, prefix, metric, None)


def _named(metric: Any, prefix: str | None, settings: Mapping, meta: Any) -> list[str] | None:
    reports = getattr(metric, 'reports', None)
    if reports is None:
        return None
    return [f'{prefix}/{name}' if prefix else name for name in reports(settings, meta or {})]
