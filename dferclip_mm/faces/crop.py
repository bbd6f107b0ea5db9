"""Face crops in the geometry of a model's training data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..checkpoints.load import read_checkpoint
from ..files import write_json
from ..media.timed_frames import TimedFrame
from .detectors import FaceFinder

# Where tools/measure_crop.py writes, beside the checkpoints of a run.
CROP_FILE = 'crop.json'


@dataclass(frozen=True, kw_only=True)
class CropTemplate:
    """Where the faces lie in the frames that a model was trained on, in shares of their sides.

    Attributes:
        landmarks: (5, 2), the medians, in the order of `Faces`.
        spread: (5, 2), half the range of the middle 68 %, which is one standard deviation.
        box: (4,), the median of the detector's boxes.
        size: the median of the frames' shorter sides in pixels.
        frames: in which a face was found.
        without_face: frames in which none was found.
        clip_frames: the median length of the clips; 0 where it was not measured.
    """

    landmarks: np.ndarray
    spread: np.ndarray
    box: np.ndarray
    size: int
    frames: int
    without_face: int
    clip_frames: int = 0


# For clips of which no crops exist yet: upright, the face from brow to chin in the middle.
DEFAULT_TEMPLATE = CropTemplate(
    landmarks=np.array([[0.36, 0.4], [0.64, 0.4], [0.5, 0.56], [0.385, 0.72], [0.615, 0.72]]),
    spread=np.zeros((5, 2)),
    box=np.array([0.15, 0.09, 0.85, 0.91]),
    size=224,
    frames=0,
    without_face=0,
)


def measure_template(frames: Iterable[TimedFrame], find: FaceFinder) -> CropTemplate:
    """Measure the crops of a dataset.

    Args:
        frames: of many clips.
        find: as for the videos that will be cropped. A frame's largest face counts.

    Raises:
        ValueError: when there is no face in any frame.
    """
    points, boxes, sides, without = [], [], [], 0
    for frame in frames:
        faces, (height, width) = find(frame), frame.image.shape[:2]
        if not len(faces.scores):
            without += 1
            continue
        largest = np.prod(faces.boxes[:, 2:] - faces.boxes[:, :2], axis=1).argmax()
        points.append(faces.landmarks[largest] / (width, height))
        boxes.append(faces.boxes[largest] / (width, height, width, height))
        sides.append(min(height, width))
    if not points:
        raise ValueError(f'expected faces, found none in any of {without} frames')
    low, high = np.quantile(points, (0.16, 0.84), axis=0)
    return CropTemplate(
        landmarks=np.median(points, axis=0),
        spread=(high - low) / 2,
        box=np.median(boxes, axis=0),
        size=round(np.median(sides)),
        frames=len(points),
        without_face=without,
    )


def template_values(template: CropTemplate) -> dict[str, Any]:
    """A template as lists and numbers."""
    values = asdict(template).items()
    return {name: np.asarray(value).round(5).tolist() for name, value in values}


def write_template(path: str | Path, template: CropTemplate) -> None:
    """Write a template as JSON."""
    write_json(path, template_values(template))


def read_template(path: str | Path) -> CropTemplate:
    """Read a template; ValueError for another file, OSError for one that cannot be read."""
    try:
        return build_template(json.loads(Path(path).read_text(encoding='utf-8')))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path}: expected what tools/measure_crop.py writes ({error})') from error


def find_template(checkpoint: str | Path) -> CropTemplate | None:
    """The template of a model: inside its checkpoint, or else in ``crop.json`` beside it.

    Raises:
        ValueError, OSError: when it cannot be read.
    """
    content = read_checkpoint(checkpoint) if Path(checkpoint).is_file() else None
    meta = content.get('meta') if isinstance(content, Mapping) else None
    if meta and 'crop' in meta:
        return build_template(meta['crop'])
    beside = Path(checkpoint).with_name(CROP_FILE)
    return read_template(beside) if beside.is_file() else None


def build_template(values: Mapping[str, Any]) -> CropTemplate:
    """A template from `template_values`; ValueError, KeyError or TypeError when they are others."""
    shapes = dict(landmarks=(5, 2), spread=(5, 2), box=(4,))
    arrays = {
        name: np.array(values[name], np.float64).reshape(shape) for name, shape in shapes.items()
    }
    return CropTemplate(**{**values, **arrays})


def crop_face(
    image: np.ndarray, landmarks: np.ndarray, box: np.ndarray, template: CropTemplate
) -> np.ndarray:
    """A face turned, scaled and moved to the template: uint8 RGB (size, size, 3).

    Args:
        image: uint8 RGB (H, W, 3).
        landmarks: (5, 2) in pixels; where they are NaN, the box is moved to the template's.
        box: (4,): left, top, right, bottom.
        template: of the training data.
    """
    known = bool(np.isfinite(landmarks).all())
    source = landmarks if known else _corners(box)
    target = template.size * (template.landmarks if known else _corners(template.box))
    scale = np.hypot(*find_similarity(source, target)[:, 0])
    shrink = max(1, int(1 / max(scale, 1e-6)))
    if shrink > 1:
        # Interpolation between neighbours alone would skip pixels.
        image = cv2.resize(image, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    # OpenCV counts from the middle of the first pixel.
    matrix = find_similarity(source / shrink - 0.5, target - 0.5)
    size = (template.size, template.size)
    return cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def find_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift (2, 3) that bring points (N, 2) closest to others (N, 2).

    By least squares (Umeyama, 1991); in the plane it is a line through complex numbers.
    """
    z, w = (points @ (1, 1j) for points in (source, target))
    centred = z - z.mean()
    turn = (centred.conj() @ (w - w.mean())) / (centred.conj() @ centred)
    shift = w.mean() - turn * z.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _corners(box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
