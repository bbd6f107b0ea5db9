"""How every fuzz test here is run: the same examples each time, nothing left in the tree."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, configuration, settings
from lengths import cases

configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / 'hypothesis')

LONG_EXAMPLES = 2000
SHORT_EXAMPLES = 120


def fuzz() -> settings:
    """Settings of a fuzz test."""
    return settings(
        max_examples=cases(SHORT_EXAMPLES, LONG_EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
