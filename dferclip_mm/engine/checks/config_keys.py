"""Misspelt config keys, in the places where MMEngine ignores keys that it does not know.

Only keys that resemble a known one are refused, because a config may hold variables of its own.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

from mmengine.hooks import CheckpointHook
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import EpochBasedTrainLoop, FlexibleRunner, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

# The names in ``default_hooks`` that MMEngine's runner fills in itself.
MMENGINE_HOOKS = frozenset(
    {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}
)
# Similarity from which a key counts as misspelt: 'linera' for 'linear' has 0.83, the variables in
# MMAction2's own configs stay at 0.80 or below.
_CUTOFF = 0.82


def _arguments(*functions: Any) -> set[str]:
    return {name for each in functions for name in inspect.signature(each).parameters}


# The keys at the top level that a run reads.
RUN_KEYS = (_arguments(Runner, FlexibleRunner) - {'cfg'}) | {
    *('activation_checkpointing', 'custom_imports', 'efficient_conv_bn_eval'),
    *('find_unused_parameters', 'float32_matmul_precision', 'model_wrapper_cfg', 'runner_type'),
    'sync_bn',
}
_LOADER = _arguments(DataLoader) | {'num_batch_per_epoch'}
# Location in a config (dots between levels; '' is the top level) -> the keys that are read there.
_KNOWN = {
    '': RUN_KEYS,
    'auto_scale_lr': {'base_batch_size', 'enable'},
    'default_hooks': {
        *MMENGINE_HOOKS,
        # The names under which MMEngine's documentation adds others.
        *('sync_buffers', 'visualization', 'early_stopping', 'ema'),
        # configs/_base_/default_runtime.py's.
        *('startup_check', 'strict_load', 'exact_resume', 'preemption', 'check_invalid_loss'),
        *('unreadable_clips', 'load_pretrained'),
    },
    'train_cfg': {'type', 'by_epoch'} | _arguments(EpochBasedTrainLoop, IterBasedTrainLoop),
    'optim_wrapper': {'type', 'constructor', 'paramwise_cfg'}
    | _arguments(*OPTIM_WRAPPERS.module_dict.values()),
    'env_cfg': {'cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit'},
    'optim_wrapper.paramwise_cfg': {
        *('custom_keys', 'bypass_duplicate', 'bias_lr_mult', 'dcn_offset_lr_mult'),
        *('bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult', 'flat_decay_mult'),
    },
    **dict.fromkeys(('train_dataloader', 'val_dataloader', 'test_dataloader'), _LOADER),
}
_CUSTOM_KEYS = 'optim_wrapper.paramwise_cfg.custom_keys'


def check_config_keys(cfg: Mapping[str, Any]) -> None:
    """Refuse a config with misspelt keys."""
    multipliers = {f'{_CUSTOM_KEYS}.{key}': {'lr_mult', 'decay_mult'} for key in custom_keys(cfg)}
    said = [
        f'{location}.{key}: {key!r} is unknown, did you mean {meant!r}?'.lstrip('.')
        for location, keys in {**_KNOWN, **multipliers}.items()
        for key in _at(cfg, location)
        if key not in keys and (meant := closest(key, keys))
    ]
    if said:
        raise ValueError(
            f'config: {" ".join(said)} (if it is a variable of your own, give it another name)'
        )


def check_save_best(
    writer: CheckpointHook, metrics: Sequence[Any], multi_class: bool | None = None
) -> None:
    """Refuse names in ``save_best`` that no metric of the validation logs.

    The metrics are built and told the classes; one without a method ``reports`` may log any name.
    ``'auto'``, the first score, needs a rule where MMEngine does not know its order. `multi_class`
    tells whether clips have several labels, where that is known.
    """
    reported: list[str] = []
    for metric in metrics:
        if not hasattr(metric, 'reports'):
            reported.append('*')
            continue
        prefix = f'{metric.prefix}/' if metric.prefix else ''
        told = {**(metric.dataset_meta or {}), 'multi_class': multi_class}
        reported += [prefix + name for name in metric.reports(vars(metric), told)]
    for name in writer.save_best or ():
        if name == 'auto' and writer.rules == [None] and reported[:1] not in ([], ['*']):
            raise ValueError(
                "default_hooks.checkpoint.save_best='auto' cannot tell whether more is better: set "
                f"it to one of {', '.join(reported)}, and rule to 'greater' or 'less'"
            )
        if name != 'auto' and not any(fnmatch(name, pattern) for pattern in reported):
            raise ValueError(
                f'default_hooks.checkpoint.save_best: no metric logs {name!r}, expected one of '
                f'{", ".join(reported)}'
            )


def custom_keys(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of ``paramwise_cfg`` that change parameters by their names."""
    return _at(cfg, _CUSTOM_KEYS)


def _at(cfg: Any, location: str) -> Mapping[str, Any]:
    """The dict at a location of a config; empty when there is none."""
    for key in filter(None, location.split('.', 3)):
        cfg = cfg.get(key)
        if not isinstance(cfg, Mapping):
            return {}
    return cfg


def closest(word: Any, known: Collection[str], cutoff: float = _CUTOFF) -> str | None:
    """The most similar word, in large or small letters, if one is similar enough."""
    lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(str(word).lower(), lower, 1, cutoff)
    return lower[found[0]] if found else None


def walk(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every setting that a run reads, with its dotted key; positions in lists count from 0."""
    waiting = [(key, cfg[key]) for key in cfg if key in RUN_KEYS]
    while waiting:
        key, value = waiting.pop(0)
        yield key, value
        if isinstance(value, Mapping):
            waiting += [(f'{key}.{name}', each) for name, each in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f'{key}.{place}', each) for place, each in enumerate(value)]
