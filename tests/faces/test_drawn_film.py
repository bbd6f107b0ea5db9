"""Detector, tracker and crops on a drawn film, compared with what was drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces.film import standard_film, write_film
from drawn_faces.film_truth import compare_tracks

from dferclip_mm.faces.boxes import BOX_COLUMNS, Faces, overlaps
from dferclip_mm.faces.crop import CropTemplate, crop_face
from dferclip_mm.faces.detectors import FaceFinder, build_face_finder
from dferclip_mm.faces.track_faces import TrackedFace, track_faces
from dferclip_mm.media.shots import count_shots
from dferclip_mm.media.timed_frames import TimedFrame, read_timed_frames

TEMPLATE = CropTemplate(
    landmarks=[[0.37, 0.47], [0.63, 0.47], [0.5, 0.59], [0.38, 0.72], [0.62, 0.72]],
    box=[0.2, 0.1, 0.8, 0.9],
    size=96,
)


@pytest.fixture(scope='module')
def truth_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The truth of the standard film in small, with a quarter of its frames."""
    whole = standard_film(width=416, height=234)
    film = replace(whole, times=whole.times[::4])
    return write_film(tmp_path_factory.mktemp('film') / 'film.mp4', film)


@pytest.fixture(scope='module')
def film(truth_path: Path) -> tuple[list[TimedFrame], list[dict]]:
    frames = count_shots(read_timed_frames(str(truth_path.with_suffix('.mp4'))))
    return list(frames), json.loads(truth_path.read_text())['frames']


@pytest.fixture(scope='module')
def find(film: tuple[list[TimedFrame], list[dict]]) -> FaceFinder:
    """MTCNN, run once on each frame."""
    finder, known = build_face_finder('mtcnn'), {}

    def found(frame: TimedFrame) -> Faces:
        if frame.number not in known:
            known[frame.number] = finder(frame)
        return known[frame.number]

    return found


@pytest.fixture(scope='module', params=[1, 2])
def tracked(
    film: tuple[list[TimedFrame], list[dict]], find: FaceFinder, request: pytest.FixtureRequest
) -> list[tuple[TimedFrame, list[TrackedFace], list[dict]]]:
    """Each frame, its faces, and its drawn faces; detected in every or every second frame."""
    frames, truth = film
    found = track_faces(frames, find, every=request.param)
    return [(*each, drawn['faces']) for each, drawn in zip(found, truth, strict=True)]


def test_each_stay_of_a_person_in_a_shot_is_one_track(tracked: list, truth_path: Path) -> None:
    rows, visible = [], 0
    for frame, faces, drawn in tracked:
        visible += sum(person['visible'] >= 0.7 for person in drawn)
        for face in faces:
            place = zip(BOX_COLUMNS, [*face.box[:2], *(face.box[2:] - face.box[:2])], strict=True)
            rows.append(dict(place, frame=frame.number, track=face.track))
    assert compare_tracks(rows, truth_path) == (6, 0)
    assert len(rows) >= 0.98 * visible > 150
    # Nobody is found where nobody is.
    for _, faces, drawn in tracked:
        boxes = np.array([face['box'] for face in drawn]).reshape(-1, 4)
        for face in faces:
            assert overlaps(face.box[None], boxes).max(initial=0) > 0.3


def test_landmarks_lie_where_they_were_drawn(tracked: list) -> None:
    """Within 3 % of the height of the face on average, 6 % in nearly all frames."""
    errors = []
    for _, faces, drawn in tracked:
        for face in faces:
            best = max(drawn, key=lambda each: overlaps(face.box[None], np.array([each['box']])))
            if best['visible'] > 0.9:
                height = best['box'][3] - best['box'][1]
                errors.append(np.abs(face.landmarks - best['landmarks']).mean() / height)
    assert np.mean(errors) < 0.03
    assert np.quantile(errors, 0.95) < 0.06


def test_crops_of_a_person_hold_still(
    film: tuple[list[TimedFrame], list[dict]], find: FaceFinder
) -> None:
    """The drawn landmarks of a moving person move by less than a pixel per frame in the crop."""
    frames, truth = film
    last = [number for number, frame in enumerate(frames) if frame.shot == 3]
    places = []
    for frame, faces in track_faces([frames[number] for number in last], find):
        (face,) = faces
        dots = np.zeros_like(frame.image)
        nose = truth[frame.number]['faces'][0]['landmarks'][2]
        cv2.circle(dots, [round(16 * (value - 0.5)) for value in nose], 64, (255,) * 3, -1, 16, 4)
        crop = crop_face(dots, face.landmarks, face.box, TEMPLATE)[..., 0].astype(float)
        rows, columns = np.mgrid[:96, :96]
        places.append([(crop * axis).sum() / crop.sum() for axis in (columns, rows)])
    assert len(places) > 15
    assert np.abs(np.diff(places, axis=0)).mean() < 0.5
    np.testing.assert_allclose(np.mean(places, axis=0), [48, 57], atol=4)
