"""What is said of a checkpoint that cannot be written, or is none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dferclip_mm.checkpoints.resume_point import no_room, require_form


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_room_is_asked_for_where_it_lacks(number: int, tmp_path: Path) -> None:
    said = no_room(tmp_path / 'a.pth', 77, OSError(number, os.strerror(number)))
    assert 'it needs 77 bytes' in said
    assert 'Make room' in said


@pytest.mark.parametrize('number', [errno.EACCES, errno.EROFS, errno.ESTALE, errno.EIO])
def test_and_not_elsewhere(number: int, tmp_path: Path) -> None:
    said = no_room(tmp_path / 'a.pth', 77, OSError(number, os.strerror(number)))
    assert os.strerror(number) in said
    assert 'room' not in said
    assert 'bytes' not in said


def test_the_folder_may_be_gone(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, 'No space left on device')
    assert 'nobody knows how many' in no_room(tmp_path / 'gone/a.pth', 77, error)
    assert 'gone' in no_room(tmp_path / 'gone/a.pth', 77, FileNotFoundError(errno.ENOENT, 'gone'))


def test_form_is_seen_without_reading(tmp_path: Path) -> None:
    file = tmp_path / 'a.pth'
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*a\.pth'):
        require_form(file)
    file.write_text('once upon a time')
    with pytest.raises(ValueError, match=r'a\.pth \(16 bytes\) is no PyTorch checkpoint'):
        require_form(file)
