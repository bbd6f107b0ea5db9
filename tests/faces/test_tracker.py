from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from dferclip_mm.faces.boxes import NO_FACES, Faces, as_faces
from dferclip_mm.faces.tracker import FaceTracker

STEP = 0.1


def faces(*boxes: tuple[float, float], score: float | list[float] = 1.0) -> Faces:
    """Faces of 40 x 50 pixels, by their left and upper sides."""
    scores = np.broadcast_to(score, len(boxes))
    sides = [(x, y, x + 40, y + 50) for x, y in boxes]
    return as_faces(sides, np.zeros((len(boxes), 10)), scores)


def follow(frames: list[Faces]) -> list[list[int]]:
    tracker = FaceTracker(count())
    return [tracker.update(index * STEP, found).tolist() for index, found in enumerate(frames)]


def test_faces_keep_their_tracks_in_whatever_order_they_are_found() -> None:
    assert follow(
        [faces((0, 0), (100, 0)), faces((103, 2), (5, 0)), faces((10, 2), (106, 4), (200, 0))]
    ) == [[0, 1], [1, 0], [0, 1, 2]]


def test_two_people_who_cross_keep_their_tracks() -> None:
    """One walks behind the other and is not seen where they overlap."""
    frames = []
    for index in range(25):
        front, behind = (100 + 4 * index, 50), (200 - 4 * index, 52)
        hidden = abs(front[0] - behind[0]) < 30
        frames.append(faces(front) if hidden else faces(behind, front))
    tracks = follow(frames)
    assert min(map(len, tracks)) == 1
    assert {tuple(found) for found in tracks if len(found) == 2} == {(0, 1)}
    assert {tuple(found) for found in tracks if len(found) == 1} == {(1,)}


def test_two_people_who_meet_and_turn_keep_their_tracks() -> None:
    apart = [60, 45, 30, 15, 5, 20, 35, 50, 60]
    frames = [faces((100 - x, 0), (125 + x, 5)) for x in apart]
    assert follow(frames) == [[0, 1]] * len(frames)


def test_a_weak_face_continues_a_track_and_begins_none() -> None:
    frames = [faces((0, 0)), faces((2, 0), (100, 0), score=0.6), faces((4, 0), (100, 0))]
    assert follow(frames) == [[0], [0, -1], [0, 1]]


def test_a_strong_face_comes_before_a_weak_one_that_overlaps_more() -> None:
    assert follow([faces((0, 0)), faces((1, 0), (6, 0), score=[0.6, 0.9])]) == [[0], [-1, 0]]


@pytest.mark.parametrize(('missing', 'track'), [(19, 0), (20, 1)])
def test_a_gap_of_at_most_two_seconds_keeps_the_track(missing: int, track: int) -> None:
    frames = [faces((0, 0)), *[NO_FACES] * missing, faces((3, 0))]
    assert follow(frames)[-1] == [track]


def test_a_lost_face_is_expected_where_it_was_going() -> None:
    # Without a speed the boxes would not overlap at all.
    frames = [*(faces((10 * index, 0)) for index in range(10)), *[NO_FACES] * 9, faces((190, 0))]
    assert follow(frames)[-1] == [0]
