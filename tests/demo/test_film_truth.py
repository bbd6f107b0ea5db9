from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn_faces.film_truth import compare_with_truth

FACE = dict(box=[10, 10, 30, 40], visible=1.0, emotion='fear')


def row(start: float, end: float, label: str, x: float = 10) -> dict:
    return dict(start=start, end=end, label=label, x=x, y=10, w=20, h=30)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Fear, at its apex at 1 and 2 seconds; at 3 it is hidden; nobody at 4."""
    shown = [('onset', 1.0), ('apex', 1.0), ('apex', 1.0), ('apex', 0.3)]
    frames = [
        dict(time=float(time), faces=[dict(FACE, phase=phase, visible=visible)])
        for time, (phase, visible) in enumerate(shown)
    ]
    path = tmp_path / 'film.json'
    path.write_text(json.dumps(dict(frames=[*frames, dict(time=4.0, faces=[])])))
    return path


@pytest.mark.parametrize(
    ('rows', 'accuracy', 'strays'),
    [
        ([row(0, 3, 'fear')], 1.0, 0),
        ([row(0, 1.4, 'fear'), row(1.6, 3, 'anger')], 0.5, 0),
        # At 1 second the first window's middle is nearer, at 2 the second one's.
        ([row(0, 2, 'fear'), row(1, 3, 'anger')], 0.5, 0),
        ([row(0, 3, 'fear', x=60)], 0.0, 0),
        ([row(0, 3, 'fear'), row(3.5, 5, 'fear')], 1.0, 1),
        ([], 0.0, 0),
    ],
)
def test_a_film_is_told_by_the_nearest_window_of_each_face(
    truth: Path, rows: list, accuracy: float, strays: int
) -> None:
    assert compare_with_truth(rows, truth) == (accuracy, 2, strays)
