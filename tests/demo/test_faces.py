from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import ACTION_UNITS, Clip, draw_clip, draw_face, random_identity

SIZE = 96
PERSON = random_identity(np.random.default_rng(4))
AT_REST = draw_face(PERSON, {}, size=SIZE).astype(int)


def changed_rows(units: dict[int, float]) -> np.ndarray:
    """Rows of the picture, as shares of its height, that a movement changes clearly."""
    moved = draw_face(PERSON, units, size=SIZE).astype(int)
    return np.flatnonzero(np.abs(moved - AT_REST).max(axis=(1, 2)) > 40) / SIZE


def test_every_action_unit_is_seen_and_leaves_the_other_half_of_the_face_alone() -> None:
    # A dimple or a raised chin is a small thing: some pixels must change, and clearly.
    assert min(len(changed_rows({unit: 1.0})) for unit in ACTION_UNITS) >= 2
    assert max(changed_rows({unit: 1.0}).max() for unit in (1, 2, 4, 5, 7, 43)) < 0.6
    assert min(changed_rows({unit: 1.0}).min() for unit in (15, 17, 20, 24, 25, 26)) > 0.55


def test_people_differ() -> None:
    rng = np.random.default_rng(0)
    people = [random_identity(rng) for _ in range(12)]
    faces = [draw_face(person, {}, size=32).astype(int) for person in people]
    assert len(set(people)) == 12
    differences = [np.abs(a - b).mean() for i, a in enumerate(faces) for b in faces[:i]]
    assert min(differences) > 2


def test_movements_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match='unit 12, found nan'):
        draw_face(PERSON, {12: float('nan')}, size=32)


# Movements without which the expression would be another one.
CORE = {
    'happiness': (6, 12),
    'sadness': (1, 15),
    'anger': (4, 7),
    'surprise': (1, 2, 26),
    'disgust': (9, 10),
    'fear': (1, 4, 5, 20),
}


def drawn(emotion: str, *, seed: int) -> Clip:
    rng = np.random.default_rng(seed)
    return draw_clip(random_identity(rng), emotion, num_frames=16, size=24, rng=rng)


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
