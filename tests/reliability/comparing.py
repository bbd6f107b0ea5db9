"""Compare two checkpoints at tolerance 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

# What differs between two equal runs: clocks, the config (a test's hooks and the run's end), paths;
# the version ends in the commit of the current folder, to which one may be added meanwhile.
CLOCKS = ('time', 'data_time', 'memory', 'eta')
PLACES = ('cfg', 'config_text', 'settings', 'last_ckpt', 'best_ckpt', 'experiment_name')
PLACES += ('max_epochs', 'max_iters', 'mmengine_version')


def _leaves(content: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    """All values in nested dicts and lists, empty ones too, with the keys that lead to them."""
    if isinstance(content, dict | list | tuple) and content:
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            if str(key) not in PLACES and str(key).rpartition('/')[2] not in CLOCKS:
                yield from _leaves(value, f'{name}.{key}')
    else:
        yield name, content


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return one.dtype == two.dtype and torch.equal(one, two)
    # Tells 1 from 1.0 and True, and takes two NaN as equal.
    return repr(one) == repr(two)


def unequal(first: Any, second: Any) -> list[str]:
    """Names of the values that differ between the contents of two checkpoints."""
    one, two = dict(_leaves(first)), dict(_leaves(second))
    found = one.keys() ^ two.keys()
    found |= {name for name in one.keys() & two.keys() if not _equal(one[name], two[name])}
    return sorted(found)


def differences(first: Path, second: Path) -> list[str]:
    """Names of the values that differ between two checkpoint files."""
    one, two = (torch.load(path, weights_only=True) for path in (first, second))
    assert one['state_dict']
    return unequal(one, two)
