"""Names of source clips, and whether a clip is still the one that something was computed from."""

import os
import shutil
from functools import partial

import pytest

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.precompute.source_clips import (
    SourceState,
    estimate_bytes,
    find_source_clips,
    map_clips,
)


class Listed:
    """A dataset of some paths, its clips in `clips` below its root."""

    def __init__(self, root, *paths):
        self.data_root, self.data_prefix, self.paths = str(root), dict(clips=f'{root}/clips'), paths

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return dict(filename=str(self.paths[index]))


def test_clips_are_named_by_their_path_below_the_clip_folder_or_the_root(tmp_path):
    clips = tmp_path / 'clips'
    first, others = clips / 'a.b/1', [clips / '3.MP4', clips / '4.safetensors']
    datasets = [Listed(tmp_path, first, tmp_path / 'other/2'), Listed(tmp_path, first, *others)]
    found = [clip.name for clip in find_source_clips(datasets, [(), ()])]
    assert found == ['a.b/1', 'other/2', '3', '4']
    with pytest.raises(ValueError, match=r'clips/3 and .*clips/3\.mp4 have the same name, 3'):
        find_source_clips([Listed(tmp_path, clips / '3', clips / '3.mp4')], [()])
    with pytest.raises(ValueError, match=r'/else/1 lies outside .*: check data_root'):
        find_source_clips([Listed(tmp_path, '/else/1')], [()])


@pytest.fixture
def clip(tmp_path, frames):
    return frames(tmp_path / 'clip', 4)


def change_a_byte(clip):
    """Size and time of the file stay what they were."""
    file = clip / '00002.jpg'
    data, stat = bytearray(file.read_bytes()), file.stat()
    data[-10] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


@pytest.mark.parametrize(
    'change',
    [
        change_a_byte,
        lambda clip: (clip / '00004.jpg').unlink(),
        lambda clip: shutil.copy(clip / '00004.jpg', clip / '00005.jpg'),
        lambda clip: (clip / '00004.jpg').rename(clip / '00005.jpg'),
    ],
)
def test_a_changed_clip_is_another_clip(clip, change):
    state = SourceState.of(str(clip))
    assert state.matches(str(clip))
    change(clip)
    assert not state.matches(str(clip))


def test_a_copy_with_other_times_is_the_same_clip(clip, tmp_path, video):
    state = SourceState.of(str(clip))
    copy = shutil.copytree(clip, tmp_path / 'copy')
    os.utime(copy / '00001.jpg', (0, 0))
    (copy / 'notes.txt').write_text('not a frame')
    assert state.matches(str(copy))
    state = SourceState.of(str(video(tmp_path / 'a.mp4', 3)))
    # The name of a video does not count.
    (tmp_path / 'a.mp4').rename(tmp_path / 'b.mp4')
    os.utime(tmp_path / 'b.mp4', (0, 0))
    assert state.matches(str(tmp_path / 'b.mp4'))


def test_sizes_are_estimated_from_clips_that_can_be_read(clip, source_clip):
    clips = [source_clip(clip), source_clip(clip.with_name('missing'))]
    assert estimate_bytes(clips, lambda reader: len(reader) * 10) == 2 * 4 * 10
    assert estimate_bytes(clips[:1] * 1000, len) == 4000
    assert estimate_bytes([], len) == 0


def fail_at_b(clip, error):
    if clip.name == 'b':
        raise error
    return clip.name


@pytest.mark.parametrize('workers', [0, 2])
def test_unreadable_clips_are_results_and_other_errors_are_raised(source_clip, workers):
    clips = [source_clip(name) for name in 'abc']
    first, error, last = map_clips(
        partial(fail_at_b, error=ClipReadError('b: empty')), clips, workers
    )
    assert (first, str(error), last) == ('a', 'b: empty', 'c')
    with pytest.raises(OSError, match=r'^no space$'):
        list(map_clips(partial(fail_at_b, error=OSError('no space')), clips, workers))
