"""Detector, tracker and crops on a drawn film, compared with what was drawn."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_faces.film import standard_film, write_film

from dferclip_mm.faces.boxes import Faces, overlaps
from dferclip_mm.faces.crop import CropTemplate, crop_face
from dferclip_mm.faces.detectors import FaceFinder, build_face_finder
from dferclip_mm.faces.track_faces import TrackedFace, track_faces
from dferclip_mm.media.shots import count_shots
from dferclip_mm.media.timed_frames import TimedFrame, read_timed_frames

TEMPLATE = CropTemplate(
    landmarks=[[0.37, 0.47], [0.63, 0.47], [0.5, 0.59], [0.38, 0.72], [0.62, 0.72]],
    spread=[[0.0, 0.0]] * 5,
    box=[0.2, 0.1, 0.8, 0.9],
    size=96,
    frames=1,
    without_face=0,
)


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[TimedFrame], list[dict]]:
    """The standard film in small, with a quarter of its frames, and its truth."""
    path = tmp_path_factory.mktemp('film') / 'film.mp4'
    whole = standard_film(width=416, height=234)
    truth = json.loads(write_film(path, replace(whole, times=whole.times[::4])).read_text())
    return list(count_shots(read_timed_frames(str(path)))), truth['frames']


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


def test_each_stay_of_a_person_in_a_shot_is_one_track(tracked: list) -> None:
    tracks, missed, visible = defaultdict(set), 0, 0
    for frame, faces, drawn in tracked:
        shared = overlaps(
            np.array([face['box'] for face in drawn]).reshape(-1, 4),
            np.array([face.box for face in faces]).reshape(-1, 4),
        )
        for person, row in zip(drawn, shared, strict=True):
            if person['visible'] < 0.7:
                continue
            visible += 1
            if row.max(initial=0) < 0.4:
                missed += 1
                continue
            # Person 1 is out of the frame from about 10.3 to 12.2 seconds.
            back = frame.shot == 1 and person['person'] == 1 and frame.time > 11.5
            tracks[frame.shot, person['person'], back].add(faces[row.argmax()].track)
    assert [len(each) for each in tracks.values()] == [1] * 6
    assert len(set.union(*tracks.values())) == 6
    assert visible > 150
    assert missed <= 0.02 * visible


def test_nobody_is_found_where_nobody_is(tracked: list) -> None:
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
