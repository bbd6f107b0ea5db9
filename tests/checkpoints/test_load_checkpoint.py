"""What is refused as a checkpoint before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from dferclip_mm.checkpoints.load import check_format


def test_the_format_is_checked_without_reading(tmp_path: Path) -> None:
    file = tmp_path / 'a.pth'
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*a\.pth'):
        check_format(file)
    file.write_text('once upon a time')
    with pytest.raises(ValueError, match=r'a\.pth \(16 bytes\) is no PyTorch checkpoint'):
        check_format(file)
