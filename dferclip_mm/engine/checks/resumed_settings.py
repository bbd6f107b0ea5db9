"""A run that resumes keeps some settings of its checkpoint and takes others from its config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch

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
# What a run cannot resume with another value of.
_FIXED = (
    'optim_wrapper.optimizer.type',
    *(f'default_hooks.checkpoint.{name}' for name in ('save_best', 'rule')),
)
_REMEDY = (
    'resume with the settings of that run, or start from its weights with load_from instead of '
    'resuming'
)


def find_settings(cfg: Mapping[str, Any], processes: int) -> dict[str, str]:
    """The settings that could change a training or its best checkpoint, as a checkpoint keeps them.

    That is the text of each value by its dotted key; None and empty lists count as unset.
    """
    found = (pair for key in _MATTERS for pair in _flatten(cfg.get(key), key))
    settings = {
        key: value for key, value in found if not key.startswith(_LOGS) and not key.endswith(_ENDS)
    }
    return {**settings, 'processes': str(processes)}


def _flatten(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flatten(each, f'{key}.{name}')
    elif value not in (None, [], ()):
        yield key, repr(value)


def merge_settings(stored: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What a resumed run trains with: what the checkpoint decides, and the rest of its config."""
    merged = {key: value for key, value in now.items() if not _is_decided(key, stored)}
    return merged | {key: stored[key] for key in stored if _is_decided(key, stored)}


def _is_decided(key: str, stored: Mapping[str, str]) -> bool:
    # A scale of the loss is only stored where there was one.
    decided = key.startswith(_STORED) and not key.endswith('.type')
    return decided and (key in stored or 'loss_scale' not in key)


def describe_changes(
    stored: Mapping[str, str], now: Mapping[str, str], ends: Sequence[str] = ()
) -> str | None:
    """A warning of what differs between the settings of a checkpoint and those of a run.

    It says which one decides, and adds the `ends` that `find_other_ends` found.
    """
    theirs, ours = [], []
    for key in sorted({*stored, *now}):
        was, is_ = stored.get(key, 'unset'), now.get(key, 'unset')
        if was != is_ and _is_decided(key, stored):
            theirs.append(f'{key} ({was}, not {is_})')
        elif was != is_:
            ours.append(f'{key} ({is_}, was {was})')
    said = (('The checkpoint decides', [*theirs, *ends]), ('This run decides', ours))
    sentences = [f'{who}: {_some(what)}' for who, what in said if what]
    if not sentences:
        return None
    return (
        f'resuming with other settings than those of the checkpoint. {". ".join(sentences)}. To '
        'train with all settings of this run, start from the weights with load_from instead of '
        'resuming'
    )


def _some(items: Sequence[str], count: int = 12) -> str:
    more = f' and {len(items) - count} more' if len(items) > count else ''
    return ', '.join(items[:count]) + more


def find_other_ends(schedulers: Sequence[Any], stored: Any, source: str) -> list[str]:
    """Schedules that end elsewhere in the checkpoint than in this run, as after more epochs.

    Other numbers or kinds of schedules are refused: MMEngine pairs them by position.
    """
    found = stored if isinstance(stored, list) else []
    if len(found) != len(schedulers) or any(
        not isinstance(state, Mapping) or not set(state) <= set(vars(scheduler))
        for state, scheduler in zip(found, schedulers, strict=True)
    ):
        raise ValueError(
            f'{source} has {len(found)} schedules, and this run has {len(schedulers)} or others in '
            f'param_scheduler: {_REMEDY}'
        )
    return [
        f'the end of the schedule param_scheduler.{number} (step {state[name]}, not {value})'
        for number, (scheduler, state) in enumerate(zip(schedulers, found, strict=True))
        for name, value in vars(scheduler).items()
        if name in ('end', 'total_steps') and state.get(name, value) != value
    ]


def check_unchanged(stored: Mapping[str, str], now: Mapping[str, str], source: str) -> None:
    """Refuse another optimizer than the checkpoint `source` has, and scores of another metric.

    Adam and AdamW have the same state, and MMEngine would compare the best scores of two metrics.
    """
    for key in _FIXED:
        was, is_ = stored.get(key), now.get(key)
        # By words: one metric may stand in a list, and a class without its module.
        pair = [re.findall(r'[\w/]+', each) for each in (was, is_) if each]
        pair = [each[-1:] if key.endswith('type') else sorted(each) for each in pair]
        if len(pair) == 2 and pair[0] != pair[1]:
            raise ValueError(
                f'{source} was written with another {key}, {was}, and this run has {is_}: {_REMEDY}'
            )


def check_optimizer(optimizer: torch.optim.Optimizer, stored: Any, source: str) -> None:
    """Check that an optimizer can continue from the state that the checkpoint `source` has."""
    problem = _find_misfit(optimizer, stored)
    if problem is not None:
        raise ValueError(f'{source} {problem}: {_REMEDY}')


def _find_misfit(optimizer: torch.optim.Optimizer, stored: Any) -> str | None:
    theirs = stored.get('param_groups') if isinstance(stored, Mapping) else None
    if not theirs or not isinstance(stored.get('state'), Mapping):
        return 'holds no optimizer state'
    ours = optimizer.param_groups
    sizes, expected = ([len(group['params']) for group in each] for each in (theirs, ours))
    if sizes != expected:
        return (
            f'has {len(sizes)} parameter groups with {sum(sizes)} parameters, and the optimizer of '
            f'this run has {len(expected)} with {sum(expected)}, as after freezing or with other '
            'paramwise_cfg'
        )
    # A checkpoint of stock MMEngine does not say of which optimizer it is.
    options, known = ({*each[0]} - {'initial_lr'} for each in (theirs, ours))
    if options - known and known - options:
        return f'was written with another optimizer than {type(optimizer).__name__}'
    numbers, parameters = (
        chain.from_iterable(group['params'] for group in each) for each in (theirs, ours)
    )
    for number, parameter in zip(numbers, parameters, strict=True):
        full = tuple(parameter.shape)
        for name, value in (stored['state'].get(number) or {}).items():
            shape = tuple(getattr(value, 'shape', ()))
            # Counters have other dimensions; sums over an axis have the size 1 there.
            if len(shape) == len(full) and not all(
                a in (1, b) for a, b in zip(shape, full, strict=True)
            ):
                return (
                    f'has an optimizer state that does not fit: {name} of parameter {number} has '
                    f'the shape {shape}, the parameter {full}'
                )
    return None
