from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import ACTION_UNITS, Clip, draw_clip, random_identity
from drawn_faces.expressions import CLASSES, RECIPES, Course, random_course, time_course

from dferclip_mm.emotions import EMOTIONS

# Movements without which the expression would be another one.
CORE = {
    'happiness': (6, 12),
    'sadness': (1, 15),
    'anger': (4, 7),
    'surprise': (1, 2, 26),
    'disgust': (9, 10),
    'fear': (1, 4, 5, 20),
}


def drawn(emotion: str, *, seed: int, num_frames: int = 16) -> Clip:
    rng = np.random.default_rng(seed)
    return draw_clip(random_identity(rng), emotion, num_frames=num_frames, size=24, rng=rng)


def test_the_classes_are_the_first_seven_emotions() -> None:
    assert EMOTIONS[:7] == CLASSES
    assert tuple(RECIPES) == CLASSES


def test_a_clip_holds_frames_and_the_units_of_each() -> None:
    clip = drawn('fear', seed=0, num_frames=13)

    assert clip.frames.shape == (13, 24, 24, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.units.shape == (13, len(ACTION_UNITS))
    assert clip.units.min() >= 0
    assert clip.units.max() <= 1


@pytest.mark.parametrize('emotion', CORE)
@pytest.mark.parametrize('seed', range(4))
def test_an_expression_unfolds_from_rest_to_its_apex(emotion: str, seed: int) -> None:
    clip = drawn(emotion, seed=seed)

    for unit in CORE[emotion]:
        strength = clip.strength(unit)
        # Trembling of at most 0.14 is all that a face at rest shows.
        assert strength[0] < 0.15
        assert strength.max() > 0.35
        assert strength[clip.apex] > 0.35


@pytest.mark.parametrize('seed', range(6))
def test_a_neutral_face_only_trembles_speaks_and_blinks(seed: int) -> None:
    clip = drawn('neutral', seed=seed)

    still = [unit for unit in ACTION_UNITS if unit not in (25, 26, 43)]
    assert max(clip.strength(unit).max() for unit in still) < 0.15


def test_time_course_rises_holds_and_falls() -> None:
    course = Course(onset=0.2, rise=0.2, offset=0.7, remains=0.25)

    seen = time_course(course, np.array([0.0, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 1.0]))

    assert seen == pytest.approx([0, 0, 0.5, 1, 1, 0.625, 0.25, 0.25])


def test_courses_reach_their_apex_within_the_clip() -> None:
    rng = np.random.default_rng(1)
    courses = [random_course(rng) for _ in range(200)]

    assert all(course.onset + course.rise <= 0.75 for course in courses)
    assert 20 < sum(course.offset < 1 for course in courses) < 120


def test_the_same_seed_draws_the_same_clip_and_another_one_another() -> None:
    first, again, other = (drawn('anger', seed=seed) for seed in (7, 7, 8))

    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.units, again.units)
    assert not np.array_equal(first.frames, other.frames)


def test_one_frame_is_no_clip() -> None:
    with pytest.raises(ValueError, match='at least 2, found 1'):
        drawn('anger', seed=0, num_frames=1)
