"""Files are written atomically; a full disk is told before and after."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from dferclip_mm.files import atomic_write, check_free_space, format_bytes, write_json


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / 'below' / 'results.json'
    write_json(path, {'a': 1})
    write_json(str(path), {'a': 2})
    assert json.loads(path.read_text()) == {'a': 2}
    atomic_write(path, lambda temporary: temporary.write_bytes(b'ab'))
    assert path.read_bytes() == b'ab'
    assert [each.name for each in path.parent.iterdir()] == ['results.json']


def test_the_content_is_on_the_disk_before_the_rename_and_the_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'results'
    path.write_text('old')
    synced = []

    def fsync(handle: int) -> None:
        synced.append((os.path.samestat(os.fstat(handle), tmp_path.stat()), path.read_text()))

    monkeypatch.setattr('os.fsync', fsync)
    atomic_write(path, 'new')
    assert synced == [(False, 'old'), (True, 'new')]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'results.json'
    write_json(path, {'a': 1})
    with pytest.raises(TypeError):
        write_json(path, {'a': object()})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    expected = r'results\.json cannot be written \(No space .*needs 5 bytes, and \d+ bytes are free'
    with pytest.raises(OSError, match=expected):
        atomic_write(path, b'12345')
    assert json.loads(path.read_text()) == {'a': 1}
    assert [each.name for each in tmp_path.iterdir()] == ['results.json']


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / 'not/there'
    check_free_space(folder, shutil.disk_usage(tmp_path).free // 2)
    assert format_bytes((1 << 30) - 1) == '1024.0 MiB'
    with pytest.raises(OSError, match=r'there: expected about 1073741824\.0 GiB .*: buy one'):
        check_free_space(folder, 1 << 60, 'buy one')
    assert not folder.parent.exists()
