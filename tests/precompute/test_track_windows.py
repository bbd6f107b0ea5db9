from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from dferclip_mm.faces.track_faces import TrackedFace
from dferclip_mm.media.timed_frames import TimedFrame
from dferclip_mm.precompute.track_windows import Window, slide_windows

STEP = 0.25
SETTINGS = {'length': 2.0, 'stride': 0.5, 'step': STEP}


def tracked(*tracks: tuple[int, float, float], hidden: tuple[float, float] = (9, 9)) -> list:
    """Twenty frames a second, with the faces of tracks (number, first, last)."""
    frames = []
    for number in range(int(20 * max(last for *_, last in tracks)) + 1):
        time = number / 20
        seen = [n for n, first, last in tracks if first <= time <= last]
        seen = seen if not hidden[0] <= time < hidden[1] else []
        faces = [TrackedFace(n, np.zeros(4), np.zeros((5, 2)), 1.0, False) for n in seen]
        frames.append((TimedFrame(number, time, np.array([time])), faces))
    return frames


def slide(given: Iterable, **settings: float) -> list[Window]:
    return list(slide_windows(given, lambda image, face: image, **{**SETTINGS, **settings}))


def windows(given: Iterable) -> list[tuple[int, float, float, int]]:
    return [(each.track, each.start, each.end, len(each.samples)) for each in slide(given)]


def test_windows_slide_over_a_track_and_the_last_one_ends_with_it() -> None:
    assert windows(tracked((0, 0.0, 3.5))) == [
        (0, 0.0, 2.0, 8),
        (0, 0.5, 2.5, 8),
        (0, 1.0, 3.0, 8),
        (0, 1.5, 3.5, 8),
    ]
    # The last sample is at 3.5; the face is seen a little longer.
    assert windows(tracked((0, 1.0, 3.7)))[-1] == (0, pytest.approx(1.7), 3.7, 8)


def test_a_track_that_is_shorter_than_a_window_is_one_window_or_none() -> None:
    for last in (0.7, 1.2, 1.95):
        assert windows(tracked((4, 0.0, last))) == [(4, 0.0, last, int(last / STEP) + 1)]
    assert windows(tracked((0, 0.0, 0.4))) == []


def test_a_window_has_all_frames_with_the_face_and_a_sample_of_their_crops() -> None:
    found = slide(tracked((0, 0.0, 3.5), hidden=(1.0, 1.2)))
    frames = [(each.faces[0].frame, each.faces[-1].frame, len(each.faces)) for each in found]
    assert frames == [(0, 39, 36), (10, 49, 36), (24, 59, 36), (30, 69, 40)]
    assert [sample.frame for sample in found[0].samples] == [0, 5, 10, 15, 24, 25, 30, 35]


def test_tracks_never_share_a_window() -> None:
    found = slide(tracked((0, 0.0, 2.75), (1, 0.5, 4.0)))
    assert {window.track for window in found} == {0, 1}
    for window in found:
        assert {sample.face.track for sample in window.samples} == {window.track}


def test_there_is_no_window_where_the_face_is_hidden() -> None:
    found = windows(tracked((0, 0.0, 8.0), hidden=(2.0, 3.75)))
    assert all(count >= 4 for *_, count in found)
    covered = [(start, end) for _, start, end, _ in found]
    assert (1.0, 3.0) in covered
    assert (1.5, 3.5) not in covered
    assert (3.0, 5.0) in covered


def test_a_track_ends_after_a_long_gap_and_its_windows_come_before_later_ones() -> None:
    found = windows(tracked((0, 0.0, 1.2), (1, 0.0, 8.0)))
    assert found[0] == (1, 0.0, 2.0, 8)
    assert found.index((0, 0.0, 1.2, 5)) < found.index((1, 2.0, 4.0, 8))


def test_a_window_is_there_as_soon_as_it_is_over() -> None:
    read = []

    def stream() -> object:
        for frame, faces in tracked((0, 0.0, 100.0)):
            read.append(frame)
            yield frame, faces

    for window in slide_windows(stream(), lambda image, face: image, **SETTINGS):
        assert read[-1].time - window.end <= 1e-6


def test_a_model_sees_the_frames_in_the_middle_of_equal_segments() -> None:
    (window,) = slide(tracked((0, 0.0, 1.9)), stride=1.0)
    assert [face.time for face in window.choose(4)] == [0.25, 0.75, 1.25, 1.75]
    # Of fewer faces than frames the last one is repeated.
    (short,) = slide(tracked((0, 0.0, 0.6)), stride=1.0)
    assert [face.time for face in short.choose(5)] == [0, 0.25, 0.5, 0.5, 0.5]
