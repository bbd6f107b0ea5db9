from __future__ import annotations

import cv2
import numpy as np
import pytest

from dferclip_mm.faces.track_faces import TrackedFace
from dferclip_mm.inference.moments import MomentLog, Seen
from dferclip_mm.precompute.track_windows import FaceSample, Window


def window(start: float, track: int = 0) -> Window:
    """Two seconds of a track, a grey crop that tells when each face was seen."""
    face = TrackedFace(track, np.zeros(4), np.zeros((5, 2)), 1, False)
    faces = [
        FaceSample(0, time, face, np.full((320, 200, 3), 10 * time, np.uint8))
        for time in (start, start + 1, start + 2)
    ]
    return Window(track, start, start + 2, faces)


def test_of_windows_that_overlap_the_strongest_is_a_moment() -> None:
    log = MomentLog()
    for start, score in enumerate((0.5, 0.9, 0.7, 0.6, 0.8)):
        log.add(window(start), 'fear', score)
    log.add(window(1, track=1), 'fear', 0.4)
    log.add(window(5), 'anger', 0.4)
    found = [(each.track, each.label, each.score, each.time) for each in log.all()]
    assert found == [
        (0, 'anger', 0.4, 6),
        (0, 'fear', 0.8, 5),
        (0, 'fear', 0.9, 2),
        (1, 'fear', 0.4, 2),
    ]
    picture = cv2.imdecode(np.frombuffer(log.all()[2].picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (160, 100, 3)
    np.testing.assert_allclose(picture, 20, atol=2)


@pytest.mark.parametrize(
    ('scores', 'kept', 'explained'),
    [
        ((0.3, 0.9, 0.5, 0.8, 0.7, 0.4), [0.5, 0.7, 0.8, 0.9], 3),
        # Of equal ones the first, which is explained, stays.
        ([1.0] * 6, [1.0] * 4, 0),
    ],
)
def test_the_four_strongest_moments_of_a_face_and_a_label_are_kept(
    scores: list, kept: list, explained: int
) -> None:
    log = MomentLog()
    for number, score in enumerate(scores):
        log.add(window(3 * number), 'fear', score)
    found = log.all(lambda window, label: [Seen(window.middle, 0.5, b'')])
    assert [each.score for each in found] == kept
    assert [bool(each.frames) for each in found].index(True) == explained
