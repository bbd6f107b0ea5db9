from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import ACTION_UNITS, draw_face, random_identity
from drawn_faces.action_units import all_units
from drawn_faces.mouth import mouth

SIZE = 96
PERSON = random_identity(np.random.default_rng(4))
AT_REST = draw_face(PERSON, {}, size=SIZE).astype(int)


def changed_rows(units: dict[int, float]) -> np.ndarray:
    """Rows of the picture, as shares of its height, that a movement changes clearly."""
    moved = draw_face(PERSON, units, size=SIZE).astype(int)
    return np.flatnonzero(np.abs(moved - AT_REST).max(axis=(1, 2)) > 40) / SIZE


@pytest.mark.parametrize('unit', ACTION_UNITS)
def test_every_action_unit_is_seen(unit: int) -> None:
    # A dimple or a raised chin is a small thing: some pixels must change, and clearly.
    assert len(changed_rows({unit: 1.0})) >= 2


def test_units_of_one_half_of_the_face_leave_the_other_alone() -> None:
    assert max(changed_rows({unit: 1.0}).max() for unit in (1, 2, 4, 5, 7, 43)) < 0.6
    assert min(changed_rows({unit: 1.0}).min() for unit in (15, 17, 20, 24, 25, 26)) > 0.55


@pytest.mark.parametrize(('unit', 'direction'), [(12, -1), (15, 1)])
def test_mouth_corners_go_up_in_a_smile_and_down_in_a_frown(unit: int, direction: int) -> None:
    # The last stroke of closed lips is the line between them.
    line = mouth(PERSON, all_units({unit: 1.0}))[-1].points
    middle = len(line) // 2
    assert direction * (line[0, 1] - line[middle, 1]) > 0.08
    assert direction * (line[-1, 1] - line[middle, 1]) > 0.08


def test_people_differ() -> None:
    rng = np.random.default_rng(0)
    people = [random_identity(rng) for _ in range(12)]
    faces = [draw_face(person, {}, size=32).astype(int) for person in people]
    assert len(set(people)) == 12
    differences = [np.abs(a - b).mean() for i, a in enumerate(faces) for b in faces[:i]]
    assert min(differences) > 2


@pytest.mark.parametrize(
    ('units', 'message'),
    [({99: 0.5}, 'found 99'), ({12: 1.5}, 'found 1.5'), ({12: float('nan')}, 'unit 12, found nan')],
)
def test_movements_that_cannot_be_drawn_are_refused(units: dict[int, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_face(PERSON, units, size=32)
