from __future__ import annotations

import numpy as np
import pytest

from dferclip_mm.inference.windows import FaceSample, slide_windows

STEP = 0.25


def samples(*tracks: tuple[int, float, float], hidden: tuple[float, float] = (9, 9)) -> list:
    """Samples every quarter of a second of tracks (number, first, last), in order of time."""
    found = [
        FaceSample(track, round(25 * time), time, time + STEP, np.zeros(4), 1.0, np.array([time]))
        for track, first, last in tracks
        for time in np.arange(first, last + 1e-9, STEP)
        if not hidden[0] <= time < hidden[1]
    ]
    return sorted(found, key=lambda sample: sample.time)


def windows(given: list, **settings: float) -> list[tuple[int, float, float, int]]:
    settings = {'length': 2.0, 'stride': 0.5, 'step': STEP, **settings}
    return [
        (each.track, each.start, each.end, len(each.samples))
        for each in slide_windows(given, **settings)
    ]


def test_windows_slide_over_a_track_and_the_last_one_ends_with_it() -> None:
    # The last sample, at 3.25, stands for the time until 3.5.
    assert windows(samples((0, 0.0, 3.25))) == [
        (0, 0.0, 2.0, 8),
        (0, 0.5, 2.5, 8),
        (0, 1.0, 3.0, 8),
        (0, 1.5, 3.5, 8),
    ]
    assert windows(samples((0, 1.0, 3.5)))[-1] == (0, 1.75, 3.75, 8)


@pytest.mark.parametrize('last', [0.25, 1.0, 1.75])
def test_a_track_that_is_shorter_than_a_window_is_one_window(last: float) -> None:
    assert windows(samples((4, 0.0, last))) == [(4, 0.0, last + STEP, int(last / STEP) + 1)]


def test_a_track_that_is_too_short_has_no_window() -> None:
    assert windows(samples((0, 0.0, 0.25)), min_length=0.6) == []


def test_tracks_never_share_a_window() -> None:
    given = samples((0, 0.0, 2.75), (1, 0.5, 4.0))
    for window in slide_windows(given, length=2.0, stride=0.5, step=STEP):
        assert {sample.track for sample in window.samples} == {window.track}
    assert {window[0] for window in windows(given)} == {0, 1}


def test_there_is_no_window_where_the_face_is_hidden() -> None:
    found = windows(samples((0, 0.0, 8.0), hidden=(2.0, 3.75)))
    assert all(count >= 4 for *_, count in found)
    covered = [(start, end) for _, start, end, _ in found]
    assert (1.0, 3.0) in covered
    assert (1.5, 3.5) not in covered
    assert (3.0, 5.0) in covered


def test_a_track_ends_after_a_long_gap_and_its_windows_come_before_later_ones() -> None:
    found = windows(samples((0, 0.0, 1.0), (1, 0.0, 8.0)))
    assert found[0] == (1, 0.0, 2.0, 8)
    assert found.index((0, 0.0, 1.25, 5)) < found.index((1, 2.0, 4.0, 8))


def test_a_window_is_there_as_soon_as_it_is_over() -> None:
    read = []

    def stream() -> object:
        for sample in samples((0, 0.0, 100.0)):
            read.append(sample)
            yield sample

    for window in slide_windows(stream(), length=2.0, stride=0.5, step=STEP):
        assert read[-1].time - window.end <= STEP


def test_a_model_sees_the_frames_in_the_middle_of_equal_segments() -> None:
    (window,) = slide_windows(samples((0, 0.0, 1.75)), length=2.0, stride=1.0, step=STEP)
    np.testing.assert_allclose(window.features(4)[:, 0], [0.25, 0.75, 1.25, 1.75])
    # Of fewer faces than frames the last one is repeated.
    (short,) = slide_windows(samples((0, 0.0, 0.5)), length=2.0, stride=1.0, step=STEP)
    np.testing.assert_allclose(short.features(5)[:, 0], [0, 0.25, 0.5, 0.5, 0.5])
