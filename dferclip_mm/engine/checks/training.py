"""What keeps a config from training, found before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
