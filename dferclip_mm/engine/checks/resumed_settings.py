"""A run that resumes goes on with some settings of its checkpoint and some of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from mmengine.optim import OptimWrapper

# Top-level keys that change what is trained, or which checkpoint is the best.
_MATTERS = (
    *('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'randomness'),
    *('auto_scale_lr', 'val_dataloader', 'val_evaluator', 'custom_hooks', 'default_hooks'),
)
# Keys below them, and the ends of keys, that change neither.
_LOGS = ('default_hooks.logger.', 'default_hooks.timer.', 'default_hooks.visualization.')
_ENDS = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'data_root')
# What a checkpoint stores itself: MMEngine loads it over what the config says.
_STORED = (
    *('optim_wrapper.optimizer.', 'optim_wrapper.paramwise_cfg.', 'optim_wrapper.loss_scale'),
    *('param_scheduler.', 'randomness.seed', 'auto_scale_lr.'),
)
_REMEDY = (
    'resume with the settings of that run, or start from its weights with load_from instead of '
    'resuming'
)


def parse_settings(text: str) -> dict[str, str]:
    """The settings in a config's text, as MMEngine writes it, without executing it.

    Returns:
        Each value's source text, by its key with dots between levels; None and empty lists count as
        unset.
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return {}
    return {
        key: value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        for key, value in _flatten(node.value, node.targets[0].id)
    }


def _flatten(node: ast.expr, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        # None: a dict as it is, or after **.
        items = [(word.arg, word.value) for word in node.keywords]
        items += [(None, each) for each in node.args]
    elif isinstance(node, ast.Dict):
        items = [(ast.unparse(key).strip('\'"'), value) for key, value in _pairs(node)]
    elif isinstance(node, ast.List | ast.Tuple) and any(
        isinstance(each, ast.Call | ast.Dict) for each in node.elts
    ):
        items = [(str(number), each) for number, each in enumerate(node.elts)]
    else:
        found = ast.unparse(node)
        if found not in ('None', '[]', '()'):
            yield name, found
        return
    for key, value in items:
        yield from _flatten(value, name if key is None else f'{name}.{key}')


def _pairs(node: ast.Dict) -> list[tuple[ast.expr, ast.expr]]:
    return [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key]


def stored_settings(text: str) -> dict[str, str]:
    """The settings in a config's text that a run which resumes takes from its checkpoint."""
    return {key: value for key, value in parse_settings(text).items() if key.startswith(_STORED)}


def describe_changes(
    before: str,
    now: str,
    processes: tuple[int | None, int] = (None, 1),
    stored: Mapping[str, str] | None = None,
) -> str | None:
    """What differs between the config in a checkpoint and that of the run, and which one decides.

    Args:
        before: the text of the checkpoint's config.
        now: that of the run's.
        processes: of the run that wrote the checkpoint, where it says so, and of this run.
        stored: the `stored_settings` that the checkpoint's run went by, if it was resumed itself.

    Returns:
        A warning; None when nothing differs that could change the training or its best checkpoint.
    """
    old, new = parse_settings(before), parse_settings(now)
    if not old:
        return None
    if stored is not None:
        old = {key: value for key, value in old.items() if not key.startswith(_STORED)} | stored
    keys = sorted(key for key in {*old, *new} if _matters(key))
    differing = [key for key in keys if old.get(key) != new.get(key)]
    # A scale of the loss is only stored where there was one.
    decided = [
        key
        for key in differing
        if key.startswith(_STORED) and not key.endswith('.type')
        if key in old or 'loss_scale' not in key
    ]
    pairs = [(key, old.get(key, 'unset'), new.get(key, 'unset')) for key in differing]
    theirs = [f'{key} ({was}, not {is_})' for key, was, is_ in pairs if key in decided]
    ours = [f'{key} ({is_}, was {was})' for key, was, is_ in pairs if key not in decided]
    if processes[0] not in (None, processes[1]):
        ours.append(f'processes ({processes[1]}, was {processes[0]})')
    sentences = [
        f'{who}: {_some(what)}'
        for who, what in (('The checkpoint decides', theirs), ('This run decides', ours))
        if what
    ]
    if not sentences:
        return None
    return (
        f'resuming with other settings than those of the checkpoint. {". ".join(sentences)}. To '
        'train with all settings of this run, start from the weights with load_from instead of '
        'resuming'
    )


def _matters(key: str) -> bool:
    top, _, _ = key.partition('.')
    return top in _MATTERS and not key.startswith(_LOGS) and not key.endswith(_ENDS)


def _some(items: Sequence[str], count: int = 12) -> str:
    more = f' and {len(items) - count} more' if len(items) > count else ''
    return ', '.join(items[:count]) + more


def check_optimizer(wrapper: OptimWrapper, stored: Any, source: str) -> None:
    """Check that an optimizer can continue from a state.

    Args:
        wrapper: the run's.
        stored: what a checkpoint holds of another one.
        source: the checkpoint, for the message.

    Raises:
        ValueError: when parameter groups, kind of optimizer or shapes differ; it says what to do.
    """
    groups = stored.get('param_groups') if isinstance(stored, Mapping) else None
    if not groups or not isinstance(stored.get('state'), Mapping):
        raise ValueError(f'{source} holds no optimizer state: {_REMEDY}')
    current = wrapper.optimizer.param_groups
    sizes, expected = ([len(group['params']) for group in each] for each in (groups, current))
    if sizes != expected:
        raise ValueError(
            f'{source} has {len(sizes)} parameter groups with {sum(sizes)} parameters, and the '
            f'optimizer of this run has {len(expected)} with {sum(expected)}, as after freezing or '
            f'with other paramwise_cfg: {_REMEDY}'
        )
    theirs, ours = set(groups[0]) - set(current[0]), set(current[0]) - set(groups[0])
    if theirs - {'initial_lr'} and ours - {'initial_lr'}:
        kind = type(wrapper.optimizer).__name__
        raise ValueError(
            f'{source} was written with another optimizer, which has {", ".join(sorted(theirs))}; '
            f'{kind} has {", ".join(sorted(ours))}: {_REMEDY}'
        )
    parameters = chain.from_iterable(group['params'] for group in current)
    numbers = chain.from_iterable(group['params'] for group in groups)
    for number, parameter in zip(numbers, parameters, strict=True):
        for name, value in (stored['state'].get(number) or {}).items():
            if isinstance(value, torch.Tensor) and not _fits(value.shape, parameter.shape):
                raise ValueError(
                    f'{source} has an optimizer state that does not fit: {name} of parameter '
                    f'{number} has the shape {tuple(value.shape)}, the parameter '
                    f'{tuple(parameter.shape)}: {_REMEDY}'
                )


def _fits(shape: torch.Size, parameter: torch.Size) -> bool:
    """Whether a state has the shape of its parameter; sums over an axis and counters fit, too."""
    if len(shape) != len(parameter):
        return True
    return all(size in (1, full) for size, full in zip(shape, parameter, strict=True))


def check_schedulers(schedulers: Sequence[Any], stored: Any, source: str) -> None:
    """Check that the schedulers of a run can continue from their states.

    MMEngine pairs them by position, and leaves the rest at the beginning of their schedules.

    Raises:
        ValueError: when their numbers or kinds differ; it says what to do.
    """
    found = stored if isinstance(stored, list) else []
    same = len(found) == len(schedulers) and all(
        isinstance(state, Mapping) and set(state) <= set(vars(scheduler))
        for state, scheduler in zip(found, schedulers, strict=True)
    )
    if not same:
        raise ValueError(
            f'{source} has {len(found)} schedules, and this run has {len(schedulers)} or others in '
            f'param_scheduler: {_REMEDY}'
        )
