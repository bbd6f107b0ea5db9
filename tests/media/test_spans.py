"""A part of a video is decoded from a keyframe near, to the same frames as from its beginning."""

import numpy as np
import pytest
from drawn_videos import KINDS, PIXELS, write

from dferclip_mm.media.spans import format_span, split_span
from dferclip_mm.media.timed_frames import read_timed_frames
from dferclip_mm.media.videos import Video


@pytest.mark.parametrize('kind', KINDS)
def test_a_part_has_the_frames_of_the_whole_video(tmp_path, kind):
    name, options = KINDS[kind]
    path = str(write(tmp_path / name, **options))
    for start, end in ((0, 0.2), (0.16, 0.6), (1.0, 9.0), (1.36, 9.0)):
        expected = [
            frame.image for frame in read_timed_frames(path, start=start - 1e-6, end=end - 1e-6)
        ]
        part = Video(path, PIXELS, (start, end))
        assert len(part) == len(expected)
        last = len(part) - 1
        assert np.array_equal(part.read(1), expected[1])
        assert np.array_equal(part.read(last), expected[last])
        with pytest.raises(ValueError, match='expected frames from'):
            part.read(0)
        part.close()


def test_a_part_without_frames_is_refused(tmp_path):
    path = str(write(tmp_path / 'a.mp4'))
    with pytest.raises(ValueError, match='expected frames from 7 to 8 seconds, found none'):
        Video(path, PIXELS, (7, 8))


def test_a_part_is_written_behind_the_path():
    assert split_span('a#b.mp4' + format_span(1.5, 12)) == ('a#b.mp4', (1.5, 12.0))
    assert split_span('a.mp4') == ('a.mp4', None)
