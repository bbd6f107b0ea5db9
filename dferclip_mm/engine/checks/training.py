"""What keeps a config from training, found before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arguments import find_class

_TSM = 'TSMOptimWrapperConstructor'


def check_trainable(cfg: Mapping[str, Any]) -> None:
    """Refuse to train with a config that only tests, for no time, or with an unfitting optimizer.

    Raises:
        ValueError: naming the setting.
    """
    missing = [
        key for key in ('train_cfg', 'train_dataloader', 'optim_wrapper') if cfg.get(key) is None
    ]
    if missing:
        raise ValueError(
            f'the config is for testing only: it has no {", ".join(missing)}; evaluate with '
            'tools/test.py, or start from a config that trains'
        )
    for name in ('max_epochs', 'max_iters'):
        length = cfg['train_cfg'].get(name, 1)
        if not isinstance(length, int) or length < 1:
            raise ValueError(f'train_cfg.{name}: expected an integer from 1 on, found {length!r}')
    head = (cfg.get('model') or {}).get('cls_head')
    if cfg['optim_wrapper'].get('constructor') == _TSM and find_class(head) is not None:
        raise ValueError(
            f'optim_wrapper.constructor={_TSM} knows only convolutions, norms and a last linear '
            f'layer, not {head["type"]}: set '
            'optim_wrapper.constructor=DefaultOptimWrapperConstructor'
        )
