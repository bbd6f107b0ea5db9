"""A disk that is too small is refused before anything is written."""

import shutil

import pytest

from dferclip_mm.datasets.disk import readable, require_space


def test_no_room_is_said_before(tmp_path):
    folder = tmp_path / 'not/there'
    require_space(folder, shutil.disk_usage(tmp_path).free // 2)
    with pytest.raises(OSError, match=r'there: about 1073741824\.0 GiB are needed and .*: buy one'):
        require_space(folder, 1 << 60, 'buy one')
    assert not folder.parent.exists()


def test_sizes_are_readable():
    assert readable(3 << 19) == '1.5 MiB'
    assert readable((1 << 30) - 1) == '1024.0 MiB'
    assert readable(1 << 30) == '1.0 GiB'
