from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import ACTION_UNITS, Clip, draw_clip, random_identity

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


def test_the_same_seed_draws_the_same_clip_and_another_one_another() -> None:
    first, again, other = (drawn('anger', seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.units, again.units)
    assert not np.array_equal(first.frames, other.frames)
