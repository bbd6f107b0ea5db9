"""Two lengths of one test: `make test` runs the short one, `make test-long` the long one."""

from __future__ import annotations

import os

import pytest

LONG = os.environ.get('DFERCLIP_MM_LONG') == '1'
only_long = pytest.mark.skipif(not LONG, reason='takes long: make test-long')


def cases(short: int, long: int) -> int:
    """How many cases to try in this run."""
    return long if LONG else short
