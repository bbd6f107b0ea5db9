from __future__ import annotations

import numpy as np
import pytest

from dferclip_mm.faces.boxes import NO_FACES, Faces, as_faces
from dferclip_mm.faces.track_faces import TrackedFace, smooth_at, track_faces
from dferclip_mm.media.timed_frames import TimedFrame

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Finder:
    """A face that moves evenly, 50 pixels a second, except in some frames; notes its calls."""

    def __init__(self, *unseen: int) -> None:
        self.unseen, self.asked = unseen, []

    def __call__(self, frame: TimedFrame) -> Faces:
        self.asked.append(frame.number)
        if frame.number in self.unseen:
            return NO_FACES
        x = 50 * frame.time
        return as_faces([(x, 0, x + 40, 50)], np.full((1, 10), x), [1.0])


def timed(count: int, *, cut: int | None = None) -> list[TimedFrame]:
    """Frames whose times are 1/25, 3/25, 4/25, 6/25, … seconds."""
    return [
        TimedFrame(index, (3 * index // 2 + 1) / 25, IMAGE, int(cut is not None and index >= cut))
        for index in range(count)
    ]


def faces_of(frames: list[TimedFrame], find: Finder, every: int) -> list[list[TrackedFace]]:
    tracked = list(track_faces(frames, find, every=every))
    assert [frame for frame, _ in tracked] == frames
    return [faces for _, faces in tracked]


@pytest.mark.parametrize('every', [1, 5])
def test_faces_between_two_detections_lie_at_the_frames_time(every: int) -> None:
    frames, find = timed(24), Finder()
    found = faces_of(frames, find, every)
    asked = sorted({*range(0, 24, every), 23})
    assert find.asked == asked
    assert [face.interpolated for faces in found for face in faces] == [
        index not in asked for index in range(24)
    ]
    for frame, (face,) in zip(frames, found, strict=True):
        x = 50 * frame.time
        np.testing.assert_allclose(face.box, [x, 0, x + 40, 50], atol=1e-3)
        np.testing.assert_allclose(face.landmarks, np.full((5, 2), x), atol=1e-3)
        assert face.track == 0


def test_there_is_no_face_next_to_a_detection_without_one() -> None:
    found = faces_of(timed(16), Finder(6), every=3)
    assert [len(faces) for faces in found] == [1] * 4 + [0] * 5 + [1] * 7
    assert {face.track for faces in found for face in faces} == {0}


def test_a_cut_ends_tracks_and_what_is_interpolated() -> None:
    frames, find = timed(14, cut=6), Finder()
    found = faces_of(frames, find, every=4)
    # The last frame before the cut and the first one after it are searched too.
    assert find.asked == [0, 4, 5, 6, 10, 13]
    assert [faces[0].track for faces in found] == [0] * 6 + [1] * 8


def test_smoothing_takes_the_tremble_off_and_does_not_lag_behind() -> None:
    rng, times = np.random.default_rng(0), np.arange(200) / 25
    noise = rng.normal(0, 2.0, 200)
    seen = np.stack([times, 50 * times + noise], axis=1)
    errors = [smooth_at(time, seen)[0] - 50 * time for time in times]
    assert abs(np.mean(errors)) < 0.4
    assert np.diff(errors).std() < 0.2 * np.diff(noise).std()


def test_few_frames_are_held_in_memory() -> None:
    read = []

    def frames() -> object:
        for index in range(100):
            read.append(index)
            yield TimedFrame(index, index / 25, IMAGE)

    for frame, _ in track_faces(frames(), Finder(), every=3):
        assert len(read) - frame.number <= 10


def test_smoothing_follows_a_line_up_to_its_ends() -> None:
    times = np.array([0.0, 0.1, 0.3])
    seen = np.stack([times, 2 * times, 1 - times], axis=1)
    for time in (0.0, 0.05, 0.3):
        np.testing.assert_allclose(smooth_at(time, seen), [2 * time, 1 - time], atol=1e-9)
    np.testing.assert_allclose(smooth_at(5.0, seen[:1]), seen[0, 1:])
