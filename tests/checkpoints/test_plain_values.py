"""What of a checkpoint becomes plain values, and what is left out."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from dferclip_mm.checkpoints.plain_values import plain


@pytest.mark.parametrize('kind', [list, tuple, deque])
def test_what_comes_after_something_strange_keeps_its_place(kind: Any) -> None:
    left_out: list[str] = []
    found = plain({'a': kind([1, len, 3]), 'b': len, 'c': 4}, 'hub', left_out)
    assert found == {'a': (1, None, 3) if kind is tuple else [1, None, 3], 'c': 4}
    assert left_out == ['hub.a.1', 'hub.b']
