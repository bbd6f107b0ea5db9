from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from clip_files import set_matrix
from PIL import ImageColor

from dferclip_mm.emotions import class_colors
from dferclip_mm.faces.track_faces import TrackedFace
from dferclip_mm.inference.overlay import write_overlay
from dferclip_mm.inference.tables import WINDOW_COLUMNS, FaceLog
from dferclip_mm.inference.timeline import EmotionTimeline
from dferclip_mm.media.timed_frames import TimedFrame, read_timed_frames

CLASSES = ('happiness', 'anger')
# A variable frame rate.
TIMES = np.cumsum([0.0, *[0.04, 0.1, 0.06] * 10])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_grey(tmp_path / 'a.mp4')


def write_grey(path: Path, sound: str = 'aac', width: int = 160, height: int = 120) -> Path:
    """A grey video at `TIMES`, and two seconds of sound."""
    with av.open(str(path), 'w') as file:
        picture = file.add_stream('mpeg4')
        picture.width, picture.height, picture.pix_fmt = width, height, 'yuv420p'
        picture.codec_context.time_base = Fraction(1, 1000)
        voice = file.add_stream(sound, rate=16_000)
        for time in TIMES:
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 128, np.uint8), 'rgb24')
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            file.mux(picture.encode(frame))
        file.mux(picture.encode())
        noise = np.random.default_rng(0).integers(-9000, 9000, (1, 32_000), np.int16)
        samples = av.AudioFrame.from_ndarray(noise, format='s16', layout='mono')
        samples.sample_rate, samples.pts = 16_000, 0
        for frame in av.AudioResampler(voice.format, 'mono', 16_000).resample(samples):
            file.mux(voice.encode(frame))
        file.mux(voice.encode())
    return path


def drawn(timeline: EmotionTimeline, path: Path) -> list[TimedFrame]:
    """The frames of the video that is written."""
    write_overlay(timeline, path)
    return [*read_timed_frames(str(path))]


def timeline_of(path: Path, *boxes: tuple[float, ...], until: float = 9.0) -> EmotionTimeline:
    """The same faces in each frame; from 1 second on there is no answer."""
    row = dict.fromkeys(WINDOW_COLUMNS, 0) | dict(start=0.0, end=1.0, happiness=0.75, anger=0.25)
    windows = pd.DataFrame([row | dict(track=track) for track in range(len(boxes))], columns=[*row])
    log = FaceLog()
    points = np.zeros((5, 2))
    for frame in read_timed_frames(str(path), end=until):
        tracked = [TrackedFace(n, np.array(box), points, 1, False) for n, box in enumerate(boxes)]
        next(log.note([(frame, tracked)]))
    return EmotionTimeline(
        windows=windows,
        faces=log.table(str(path), windows, CLASSES),
        classes=CLASSES,
        info={'video': str(path)},
    )


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def test_faces_are_drawn_frames_keep_their_times_and_the_sound_is_copied(
    tmp_path: Path, video: Path
) -> None:
    out = tmp_path / 'out' / 'b.mp4'
    frames = drawn(timeline_of(video, (40, 50, 80, 100)), out)
    np.testing.assert_allclose([frame.time for frame in frames], TIMES, atol=1e-3)
    sound = sound_of(video)
    assert len(sound) > 30
    assert sound_of(out) == sound
    with av.open(str(out)) as file:
        assert file.streams.video[0].codec_context.name == 'h264'
    # A box has the colour of its class, and is white without an answer.
    color = ImageColor.getrgb(class_colors(CLASSES)['happiness'])
    # The label, and the bar, which is filled for three quarters.
    np.testing.assert_allclose(frames[0].image[35:45, 41], np.tile(color, (10, 1)), atol=40)
    np.testing.assert_allclose(frames[0].image[98, 65], color, atol=40)
    assert frames[0].image[98, 76].max() < 110
    for frame in frames:
        np.testing.assert_allclose(frame.image[110, 20], 128, atol=12)
    late = next(frame.image for frame in frames if frame.time > 1.1)
    assert late[75, 39:42].max(axis=0).min() > 170
    np.testing.assert_allclose(late[40, 41], 128, atol=12)


def test_labels_of_faces_at_one_place_stand_above_and_below(tmp_path: Path, video: Path) -> None:
    timeline = timeline_of(video, (40, 40, 80, 70), (44, 40, 84, 70), until=0.1)
    image = drawn(timeline, tmp_path / 'b.mp4')[0].image.astype(int)
    colored = np.ptp(image[:, 46], axis=-1) > 60
    assert 12 < colored[:40].sum() < 22
    assert 12 < colored[72:].sum() < 22


def test_a_turned_video_is_drawn_upright_and_with_even_sides(tmp_path: Path) -> None:
    video = write_grey(tmp_path / 'a.mp4', width=161, height=121)
    set_matrix(video, 0, 1, -1, 0)
    frame = drawn(timeline_of(video, (30, 50, 80, 130)), tmp_path / 'b.mp4')[0]
    assert frame.image.shape == (162, 122, 3)
    assert np.ptp(frame.image[128, 50].astype(int)) > 60


def test_the_part_that_was_analysed_is_written(tmp_path: Path, video: Path) -> None:
    timeline = timeline_of(video, (40, 50, 80, 100))
    part = timeline.faces[timeline.faces['time'].between(0.5, 1.5)]
    frames = drawn(replace(timeline, faces=part), tmp_path / 'b.mp4')
    times = np.array([frame.time for frame in frames])
    inside = TIMES[(TIMES >= 0.5) & (TIMES <= 1.5)]
    np.testing.assert_allclose(times, inside - inside[0], atol=1e-3)
    heard = sound_of(tmp_path / 'b.mp4')
    sound = sound_of(video)
    begins = sound.index(heard[0])
    assert sound[begins : begins + len(heard)] == heard
    assert len(heard) / len(sound) == pytest.approx(1.2 / 2, abs=0.1)
    with pytest.raises(ValueError, match=r'a\.mp4: no frame of it was analysed'):
        write_overlay(replace(timeline, faces=part[:0]), tmp_path / 'c.mp4')
    assert not (tmp_path / 'c.mp4').exists()


def test_sound_that_does_not_fit_is_left_out_with_a_warning(tmp_path: Path) -> None:
    video = write_grey(tmp_path / 'a.avi', sound='adpcm_ms')
    with pytest.warns(UserWarning, match=r'a\.avi: MP4 cannot hold its sound \(adpcm_ms\)'):
        write_overlay(timeline_of(video), tmp_path / 'b.mp4')
    with av.open(str(tmp_path / 'b.mp4')) as file:
        assert not file.streams.audio
