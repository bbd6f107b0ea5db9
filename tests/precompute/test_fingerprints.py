"""Whether a clip is what it was: times first, then bytes; what changes meanwhile is refused."""

import os
import shutil

import pytest
from mini_corpora import write_clip

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.precompute.fingerprints import (
    ClipState,
    content_fingerprint,
    held_still,
    is_unchanged,
    stat_fingerprint,
)


@pytest.fixture
def clip(tmp_path):
    write_clip(tmp_path / 'clip', 3, 'jpg')
    return tmp_path / 'clip'


@pytest.fixture
def state(clip):
    with held_still(str(clip)) as found:
        return found


def test_a_copy_with_other_times_is_unchanged(clip, state, tmp_path):
    assert state == ClipState(stat_fingerprint(str(clip)), content_fingerprint(str(clip)))
    shutil.copytree(clip, tmp_path / 'copy', copy_function=shutil.copy)
    os.utime(tmp_path / 'copy/1.jpg', (0, 0))
    assert stat_fingerprint(str(tmp_path / 'copy')) != state.stat
    assert is_unchanged(str(tmp_path / 'copy'), state)


def test_other_bytes_are_a_change(clip, state):
    data = (clip / '2.jpg').read_bytes()
    (clip / '2.jpg').write_bytes(data[:-1] + b'x')
    os.utime(clip / '2.jpg', (0, 0))
    assert not is_unchanged(str(clip), state)


@pytest.mark.parametrize(
    'change',
    [
        lambda clip: os.utime(clip / '2.jpg', (0, 0)),
        lambda clip: (clip / '2.jpg').unlink(),
        lambda clip: shutil.copy(clip / '2.jpg', clip / '4.jpg'),
        lambda clip: shutil.rmtree(clip),
    ],
)
def test_a_change_inside_the_block_is_refused(clip, change):
    with pytest.raises(ClipReadError, match=f'^{clip}'), held_still(str(clip)):
        change(clip)


def test_an_error_inside_the_block_is_the_one_that_is_told(clip):
    def change_and_fail():
        os.utime(clip / '2.jpg', (0, 0))
        raise KeyError('mine')

    with pytest.raises(KeyError, match='mine'), held_still(str(clip)):
        change_and_fail()


def test_a_clip_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(ClipReadError, match=r'none: .*No such file'),
        held_still(f'{tmp_path}/none'),
    ):
        pass


def test_names_that_are_no_utf8_have_a_fingerprint(clip):
    (clip / '2.jpg').rename(clip / '\udcff.jpg')
    assert len(content_fingerprint(str(clip))) == len(stat_fingerprint(str(clip))) == 16
