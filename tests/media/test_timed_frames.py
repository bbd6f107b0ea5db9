"""Frames of a video one by one, with the times at which they are shown."""

import numpy as np
import pytest
from drawn_videos import (
    CUTTABLE,
    FRAMES,
    KINDS,
    cut,
    damage_frame_2,
    number_of,
    write,
    x264,
)

from dferclip_mm.media.timed_frames import read_timed_frames


@pytest.mark.parametrize('kind', KINDS)
def test_each_frame_has_the_time_at_which_it_is_shown(tmp_path, kind):
    name, options = KINDS[kind]
    frames = list(read_timed_frames(str(write(tmp_path / name, **options))))
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [
        (number, number) for number in range(FRAMES)
    ]
    steps = options.get('steps', (1,))
    expected = np.cumsum([0, *steps * FRAMES])[:FRAMES] / 25
    # Matroska and FLV count in milliseconds.
    np.testing.assert_allclose([frame.time for frame in frames], expected, atol=0.001)


def test_a_part_of_a_video_is_read_by_its_times(tmp_path):
    path = write(tmp_path / 'a.mp4', steps=(1, 3, 2), **x264(bframes=3))
    frames = list(read_timed_frames(str(path), start=0.16, end=0.32))
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [(2, 2), (3, 3), (4, 4)]
    np.testing.assert_allclose([frame.time for frame in frames], [0.16, 0.24, 0.28])


def test_the_frames_before_the_damage_of_a_video_are_read(tmp_path):
    path = write(tmp_path / 'a.avi', codec='mjpeg', pixels='yuvj420p')
    damage_frame_2(path)
    frames = read_timed_frames(str(path))
    assert [next(frames).number, next(frames).number] == [0, 1]
    with pytest.raises(ValueError, match='frame 2 does not decode'):
        next(frames)


@pytest.mark.parametrize('name', [*CUTTABLE][:3])
def test_the_frames_of_a_cut_video_come_before_its_error(tmp_path, name):
    path = cut(write(tmp_path / name, frames=400, **CUTTABLE[name]), 0.7)
    found = []
    with pytest.raises(
        ValueError, match=r'its header declares 16\.0 seconds|does not decode|is damaged'
    ):
        found.extend(read_timed_frames(str(path)))
    assert 20 < len(found) < 380
    assert [number_of(frame.image) for frame in found] == [n % 256 for n in range(len(found))]
