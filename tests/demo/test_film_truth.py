from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn_faces.film_truth import compare_tracks, compare_with_truth

from dferclip_mm.faces.boxes import BOX_COLUMNS

FACE = dict(person=0, box=[10, 10, 30, 40], visible=1.0, emotion='fear')


def row(start: float, end: float, label: str, x: float = 10) -> dict:
    return dict(start=start, end=end, label=label, x=x, y=10, w=20, h=30)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Fear, at its apex at 1 and 2 seconds; at 3 it is hidden; nobody at 4."""
    shown = [('onset', 1.0), ('apex', 1.0), ('apex', 1.0), ('apex', 0.3)]
    frames = [
        dict(time=float(time), shot=0, faces=[dict(FACE, phase=phase, visible=visible)])
        for time, (phase, visible) in enumerate(shown)
    ]
    path = tmp_path / 'film.json'
    path.write_text(json.dumps(dict(frames=[*frames, dict(time=4.0, faces=[])])))
    return path


@pytest.mark.parametrize(
    ('rows', 'accuracy', 'strays'),
    [
        ([row(0, 3, 'fear')], 1.0, 0),
        ([row(0, 2, 'fear'), row(1, 3, 'anger')], 0.5, 0),
        ([row(0, 3, 'fear', x=60)], 0.0, 0),
        ([row(0, 3, 'fear'), row(3.5, 5, 'fear')], 1.0, 1),
        ([], 0.0, 0),
    ],
)
def test_a_film_is_told_by_the_nearest_window_of_each_face(
    truth: Path, rows: list, accuracy: float, strays: int
) -> None:
    assert compare_with_truth(rows, truth)[:3] == (accuracy, 2, strays)


def test_an_onset_is_as_late_as_its_first_label(truth: Path) -> None:
    late = [row(0, 0.9, 'anger'), row(1, 3, 'fear')]
    assert compare_with_truth(late, truth).onsets == [1.0]
    assert compare_with_truth([row(0, 3, 'anger')], truth).onsets == [float('inf')]


@pytest.mark.parametrize(
    ('tracks', 'answer'),
    [
        # Four seconds: one person at both ends, who is away between, and another one all the time.
        ([(0, 1), (1,), (1,), (1,), (2, 1)], (3, 0)),
        ([(0, 1), (1,), (1,), (1,), (0, 1)], (3, 2)),
        ([(0, 1), (1,), (3,), (3,), (2, 3)], (3, 1)),
    ],
)
def test_a_stay_is_one_track_and_who_comes_back_has_another(
    tmp_path: Path, tracks: list, answer: tuple[int, int]
) -> None:
    frames, rows = [], []
    for index, numbers in enumerate(tracks):
        faces = []
        for person, number in zip((1, 0), reversed(numbers), strict=False):
            left = 100 * person
            faces.append(dict(person=person, box=[left, 0, left + 40, 50], visible=1.0))
            place = dict(zip(BOX_COLUMNS, (left + 3, 4, 40, 50), strict=True))
            rows.append(dict(frame=str(index), track=str(number), **place))
        frames.append(dict(index=index, time=float(index), shot=0, faces=faces))
    path = tmp_path / 'film.json'
    path.write_text(json.dumps(dict(frames=frames)))
    assert compare_tracks(rows, path) == answer
