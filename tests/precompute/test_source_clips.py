"""Names of source clips, and whether a clip is still the one that something was computed from."""

import os
import shutil

import pytest
from mini_corpora import write_clip

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
    datasets = [
        Listed(tmp_path, clips / 'a.b/1', tmp_path / 'other/2'),
        Listed(tmp_path, clips / 'a.b/1', clips / '3.MP4', clips / '4.safetensors'),
    ]
    found = {clip.name: clip.path for clip in find_source_clips(datasets, [(), ()])}
    assert found == {
        'a.b/1': f'{clips}/a.b/1',
        'other/2': f'{tmp_path}/other/2',
        '3': f'{clips}/3.MP4',
        '4': f'{clips}/4.safetensors',
    }


def test_clips_of_one_name_or_outside_the_root_are_refused(tmp_path):
    clips = tmp_path / 'clips'
    with pytest.raises(ValueError, match=r'clips/3 and .*clips/3\.mp4 have the same name, 3'):
        find_source_clips([Listed(tmp_path, clips / '3', clips / '3.mp4')], [()])
    with pytest.raises(ValueError, match=r'/else/1 lies outside .*: check data_root'):
        find_source_clips([Listed(tmp_path, '/else/1')], [()])


@pytest.fixture
def clip(tmp_path):
    write_clip(tmp_path / 'clip', 4, 'jpg')
    return tmp_path / 'clip'


def change_a_byte(clip):
    """Size and time of the file stay what they were."""
    file = clip / '2.jpg'
    data, stat = bytearray(file.read_bytes()), file.stat()
    data[-10] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


@pytest.mark.parametrize(
    'change',
    [
        change_a_byte,
        lambda clip: (clip / '4.jpg').unlink(),
        lambda clip: shutil.copy(clip / '4.jpg', clip / '5.jpg'),
        lambda clip: (clip / '4.jpg').rename(clip / '5.jpg'),
    ],
)
def test_a_changed_clip_is_another_clip(clip, change):
    state = SourceState.of(str(clip))
    assert state.matches(str(clip))
    change(clip)
    assert not state.matches(str(clip))


def test_a_copy_with_other_times_is_the_same_clip(clip, tmp_path):
    state = SourceState.of(str(clip))
    copy = shutil.copytree(clip, tmp_path / 'copy', copy_function=shutil.copy)
    os.utime(copy / '1.jpg', (0, 0))
    (copy / 'notes.txt').write_text('not a frame')
    assert state.matches(str(copy))


def test_a_video_of_another_name_is_the_same_clip(tmp_path, video):
    path = video(tmp_path / 'a.mp4', 3)
    state = SourceState.of(str(path))
    other = path.rename(tmp_path / 'b.mp4')
    os.utime(other, (0, 0))
    assert state.matches(str(other))


def test_sizes_are_estimated_from_clips_that_can_be_read(clip, source_clip):
    clips = [source_clip(clip), source_clip(clip.with_name('missing'))]
    assert estimate_bytes(clips, lambda reader: len(reader) * 10) == 2 * 4 * 10
    assert estimate_bytes(clips[:1] * 1000, len) == 4000
    assert estimate_bytes([], len) == 0


class Failing:
    """A function that workers can be sent."""

    def __init__(self, error):
        self.error = error

    def __call__(self, clip):
        if clip.name == 'b':
            raise self.error
        return clip.name


@pytest.mark.parametrize('workers', [0, 2])
def test_unreadable_clips_are_results_and_other_errors_are_raised(source_clip, workers):
    clips = [source_clip(name) for name in 'abc']
    first, error, last = map_clips(Failing(ClipReadError('b: empty')), clips, workers)
    assert (first, str(error), last) == ('a', 'b: empty', 'c')
    with pytest.raises(OSError, match=r'^no space$'):
        list(map_clips(Failing(OSError('no space')), clips, workers))
