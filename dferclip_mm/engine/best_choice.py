"""By what a run's best checkpoint was chosen: the score that the host stores does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHOSEN_BY = 'best_chosen_by'
_PARTS = ('best_score', 'best_ckpt')


def forget_others(info: dict[str, Any], now: Mapping[str, str]) -> list[str]:
    """Leave of a resumed run's best scores those that this run would have chosen by.

    The host compares the first score of any metric with whatever is stored.

    Args:
        info: the message hub's ``runtime_info``; changed.
        now: this run's metrics, and the rule of each.

    Returns:
        What is forgotten: the metric, its rule, and the file.
    """
    chosen = info.get(CHOSEN_BY)
    if not isinstance(chosen, Mapping) or dict(chosen) == dict(now):
        return []
    found = {
        key: [info.pop(f'{part}{_suffix(key, chosen)}', None) for part in _PARTS] for key in chosen
    }
    forgotten = []
    for key, values in found.items():
        if now.get(key) != chosen[key]:
            if values[0] is not None:
                forgotten.append(f'{key} ({chosen[key]}), of {values[1]}')
            continue
        for part, value in zip(_PARTS, values, strict=True):
            if value is not None:
                info[f'{part}{_suffix(key, now)}'] = value
    return forgotten


def _suffix(key: str, keys: Mapping[str, Any]) -> str:
    """The host numbers the best of one metric and of several by other names."""
    return '' if len(keys) == 1 else f'_{key}'
