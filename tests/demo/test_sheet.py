from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import contact_sheet


def test_a_sheet_has_a_labelled_row_for_each_expression() -> None:
    sheet = contact_sheet(moments=2, people=1, size=40)

    assert sheet.shape == (26 + 7 * 40, 90 + 3 * 40, 3)
    assert sheet.dtype == np.uint8
    labels = sheet[26:, :90].reshape(7, 40, 90, 3)
    assert all((label < 100).any() for label in labels)


def test_the_seed_decides_the_sheet() -> None:
    first, again, other = (contact_sheet(moments=0, people=1, size=24, seed=s) for s in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_sheet_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one column'):
        contact_sheet(moments=0, people=0)
