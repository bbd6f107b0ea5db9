"""Results are written whole: who reads them sees the old ones or the new ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dferclip_mm.files import write_results


def test_a_file_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / 'below' / 'results.json'
    write_results(path, {'a': 1})
    write_results(str(path), {'a': 2})
    assert json.loads(path.read_text()) == {'a': 2}
    assert [each.name for each in path.parent.iterdir()] == ['results.json']


def test_all_of_it_is_on_the_disk_before_the_old_file_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'results.json'
    write_results(path, {'a': 1})
    seen = []
    monkeypatch.setattr(
        'os.fsync', lambda handle: seen.append((os.fstat(handle).st_size, path.read_text()))
    )
    write_results(path, {'b': 'x' * 100})
    assert seen == [(path.stat().st_size, '{\n "a": 1\n}\n')]


def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'results.json'
    write_results(path, {'a': 1})
    with pytest.raises(TypeError):
        write_results(path, {'a': object()})

    def full(handle: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(OSError, match='No space left'):
        write_results(path, {'a': 2})
    assert json.loads(path.read_text()) == {'a': 1}
    assert [each.name for each in tmp_path.iterdir()] == ['results.json']
