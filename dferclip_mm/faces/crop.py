"""Face crops in the geometry of a model's training data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..checkpoints.load import read_checkpoint
from ..files import write_json

# Where tools/measure_crop.py writes, beside the checkpoints of a run.
CROP_FILE = 'crop.json'
# Of a box: left, top, right, bottom.
_CORNERS = np.array([[0, 1], [2, 1], [0, 3], [2, 3]])


@dataclass(frozen=True, kw_only=True)
class CropTemplate:
    """Where the faces lie in the frames that a model was trained on, in shares of their sides.

    Attributes:
        landmarks: (5, 2), the medians, in the order of `Faces`.
        box: (4,), the median of the detector's boxes.
        size: the median of the frames' shorter sides in pixels.
        spread: (5, 2) of the landmarks, half the range of the middle 68 %: a standard deviation.
        frames, without_face: in which a face was found, and in which none was.
        clip_frames: the median length of the clips; 0 where it was not measured.
    """

    landmarks: list[list[float]]
    box: list[float]
    size: int
    spread: list[list[float]] = field(default_factory=list)
    frames: int = 0
    without_face: int = 0
    clip_frames: int = 0


# For clips of which no crops exist yet: upright, the face from brow to chin in the middle.
DEFAULT_TEMPLATE = CropTemplate(
    landmarks=[[0.36, 0.4], [0.64, 0.4], [0.5, 0.56], [0.385, 0.72], [0.615, 0.72]],
    box=[0.15, 0.09, 0.85, 0.91],
    size=224,
)


def write_template(path: str | Path, template: CropTemplate) -> None:
    """Write a template as JSON."""
    write_json(path, asdict(template))


def read_template(path: str | Path) -> CropTemplate:
    """Read a template; ValueError for another file, OSError for one that cannot be read."""
    try:
        return CropTemplate(**json.loads(Path(path).expanduser().read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path}: expected what tools/measure_crop.py writes ({error})') from error


def find_template(checkpoint: str | Path) -> CropTemplate | None:
    """The template of a model: inside its checkpoint, or else in ``crop.json`` beside it."""
    file = Path(checkpoint).expanduser()
    content = read_checkpoint(file) if file.is_file() else {}
    if isinstance(content, dict) and 'crop' in (content.get('meta') or {}):
        return CropTemplate(**content['meta']['crop'])
    beside = file.with_name(CROP_FILE)
    return read_template(beside) if beside.is_file() else None


def crop_face(
    image: np.ndarray, landmarks: np.ndarray, box: np.ndarray, template: CropTemplate
) -> np.ndarray:
    """A face in uint8 RGB (H, W, 3), moved to the template by its landmarks: (size, size, 3).

    Landmarks (5, 2) and box (4,) are in pixels; where landmarks are NaN, the box is moved to the
    template's.
    """
    known = bool(np.isfinite(landmarks).all())
    source = landmarks if known else box[_CORNERS]
    target = np.array(template.landmarks) if known else np.array(template.box)[_CORNERS]
    target = template.size * target
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
    """The rotation, scale and shift (2, 3) that bring points (N, 2) closest to others, by squares.

    In the plane (Umeyama, 1991) it is a line through complex numbers.
    """
    z, w = (points @ (1, 1j) for points in (source, target))
    turn, shift = np.linalg.lstsq(np.stack([z, np.ones(len(z))], axis=1), w, rcond=None)[0]
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
