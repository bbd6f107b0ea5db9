"""Which values of a checkpoint are stored, and in which form."""

from __future__ import annotations

from collections import deque

import numpy as np
from mmengine.logging import HistoryBuffer

from dferclip_mm.checkpoints.to_plain import restore_histories, to_plain


def test_a_value_without_a_plain_form_is_dropped_or_none() -> None:
    dropped: list[str] = []
    content = {'a': deque([1, len, np.float32(3)]), 'b': len, 'c': (np.arange(2), {4})}
    found = to_plain(content, 'hub', dropped)
    assert found == {'a': [1, None, 3.0], 'c': ([0, 1], [4])}
    assert dropped == ['hub.a.1', 'hub.b']


def test_a_history_is_restored() -> None:
    stored = to_plain({'loss': HistoryBuffer([1.0, 2.0], [1, 3])}, 'log_scalars', [])
    found = restore_histories(stored)['loss']
    assert [values.tolist() for values in found.data] == [[1.0, 2.0], [1, 3]]
