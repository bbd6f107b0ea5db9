from __future__ import annotations

from pathlib import Path

import av
import pytest
from drawn_videos import KINDS, cut, write

from dferclip_mm.media.playable import is_playable, write_playable
from dferclip_mm.media.timed_frames import read_timed_frames


@pytest.mark.parametrize(
    ('kind', 'plays'),
    [
        ('B frames', True),
        ('QuickTime', True),
        ('ten bits', False),
        ('open GOP', False),
        ('motion JPEG', False),
    ],
)
def test_a_video_is_copied_where_browsers_play_it_or_else_encoded_again(
    tmp_path: Path, kind: str, plays: bool
) -> None:
    name, options = KINDS[kind]
    video = write(tmp_path / name, **options)
    assert is_playable(str(video)) == plays
    write_playable(tmp_path / 'b.mp4', str(video))
    assert (video.read_bytes() == (tmp_path / 'b.mp4').read_bytes()) == plays
    assert is_playable(str(tmp_path / 'b.mp4'))
    times = [[frame.time for frame in read_timed_frames(str(path))] for path in tmp_path.iterdir()]
    assert times[0] == pytest.approx(times[1], abs=1e-3)


def test_a_damaged_video_is_encoded_up_to_the_damage(tmp_path: Path) -> None:
    video = cut(write(tmp_path / 'a.mkv', codec='mpeg4'), 0.6)
    write_playable(tmp_path / 'b.mp4', str(video))
    with av.open(str(tmp_path / 'b.mp4')) as file:
        assert 5 < sum(1 for _ in file.decode(video=0)) < 40
