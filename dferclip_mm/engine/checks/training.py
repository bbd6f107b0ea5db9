"""What keeps a config from training, found before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lookup import list_metrics
from .arguments import find_class

_TSM = 'TSMOptimWrapperConstructor'


def check_trainable(cfg: Mapping[str, Any]) -> None:
    """Refuse a config that only tests, trains for no time, or has an unfitting optimizer."""
    missing = [
        key for key in ('train_cfg', 'train_dataloader', 'optim_wrapper') if cfg.get(key) is None
    ]
    if missing:
        raise ValueError(
            f'the config is for testing only: it has no {", ".join(missing)}; evaluate with '
            'tools/test.py, or start from a config that trains'
        )
    for name in ('max_epochs', 'max_iters', 'val_interval'):
        length = cfg['train_cfg'].get(name, 1)
        if not isinstance(length, int) or length < 1:
            raise ValueError(f'train_cfg.{name}: expected an integer from 1 on, found {length!r}')
    parts: Any = [(cfg.get('model') or {}).get(key) for key in ('backbone', 'neck', 'cls_head')]
    ours = [part['type'] for part in parts if find_class(part) is not None]
    if cfg['optim_wrapper'].get('constructor') == _TSM and ours:
        raise ValueError(
            f'optim_wrapper.constructor={_TSM} knows only convolutions, norms and a last linear '
            f'layer, not {ours[0]}: set '
            'optim_wrapper.constructor=DefaultOptimWrapperConstructor'
        )
    _check_auto(cfg)


def _check_auto(cfg: Mapping[str, Any]) -> None:
    """Refuse ``save_best='auto'``, which takes the first score, where its order is not known."""
    writer = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    first: Any = next(iter(list_metrics(cfg.get('val_evaluator'))), None)
    metric = find_class(first)
    if metric is None or writer.get('rule') or 'auto' not in (writer.get('save_best') or ()):
        return
    prefix = first.get('prefix') or metric.default_prefix
    names = ', '.join(f"'{prefix}/{name}'" for name in metric.reports(first, {}))
    raise ValueError(
        f"default_hooks.checkpoint.save_best='auto' cannot tell whether more of {first['type']} is "
        f"better: set save_best to one of {names}, and rule to 'greater' or 'less'"
    )
