from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from drawn_faces.film import Act, Film, Role, Shot, draw_film, write_film

from dferclip_mm.media.shots import count_shots
from dferclip_mm.media.timed_frames import read_timed_frames

HAPPY = Act(emotion='happiness', start=1.0, end=3.0)


def film(*roles: Role, times: tuple[float, ...] = (0.0,)) -> Film:
    return Film(shots=(Shot(start=0.0, roles=roles),), times=times, width=160, height=90)


def test_the_truth_says_who_is_where_and_shows_what() -> None:
    role = Role(person=3, path=((0, 0.4, 0.5, 0.5), (4, 1.2, 0.5, 0.5)), acts=(HAPPY,))
    truths = [truth for _, truth in draw_film(film(role, times=(0.0, 2.0, 3.0)))]
    faces = [truth['faces'][0] for truth in truths]
    assert [face['person'] for face in faces] == [3, 3, 3]
    assert [face['emotion'] for face in faces] == [None, 'happiness', None]
    assert [face['phase'] for face in faces] == ['rest', 'apex', 'rest']
    boxes = np.array([face['box'] for face in faces])
    np.testing.assert_allclose(boxes[:, [0, 2]].mean(axis=1), [36, 72, 90])
    np.testing.assert_allclose(boxes[:, [1, 3]], [[22.5, 67.5]] * 3)
    left, right, nose, *mouth = np.array(faces[0]['landmarks'])
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(point[1] for point in mouth)


def test_a_face_is_painted_in_its_box_and_visible_inside_the_frame_and_behind_nobody() -> None:
    behind, front, half = (
        Role(person=person, path=((0, x, 0.5, 0.4),)) for person, x in enumerate((0.5, 0.55, 1.78))
    )
    image, truth = next(draw_film(film(behind, front, half)))
    visible = [face['visible'] for face in truth['faces']]
    assert visible[0] < 0.5
    assert visible[1] == 1
    assert 0.3 < visible[2] < 0.7
    empty, _ = next(draw_film(film()))
    painted = np.abs(image.astype(int) - empty).max(axis=2) > 40
    left, top, right, bottom = (round(side) for side in truth['faces'][1]['box'])
    assert painted[top + 8 : bottom - 8, left + 8 : right - 8].mean() > 0.75
    assert not painted[top:bottom, 85:130].any()


def test_a_written_film_has_its_times_cuts_and_truth(tmp_path: Path) -> None:
    times = tuple(np.cumsum([0.0, *[0.04, 0.12, 0.08] * 4]).round(3).tolist())
    role = Role(person=0, path=((0, 0.8, 0.5, 0.5),))
    shots = (Shot(start=0.0, roles=(role,)), Shot(start=times[5]))
    path = tmp_path / 'film.mp4'
    whole = Film(shots=shots, times=times, width=160, height=90)
    truth = json.loads(write_film(path, whole).read_text())
    frames = list(count_shots(read_timed_frames(str(path))))
    np.testing.assert_allclose([frame.time for frame in frames], times, atol=1e-4)
    assert [frame.shot for frame in frames] == [each['shot'] for each in truth['frames']]
    assert [len(each['faces']) for each in truth['frames']] == [1] * 5 + [0] * 8
    assert truth['cuts'] == [times[5]]
    drawn = [image for image, _ in draw_film(whole)]
    assert np.abs(frames[3].image.astype(int) - drawn[3]).mean() < 4
