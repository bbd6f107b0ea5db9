"""The faces of one frame, from a detector or a table, and how much boxes overlap."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# The names of py-feat's tables.
BOX_COLUMNS = ('FaceRectX', 'FaceRectY', 'FaceRectWidth', 'FaceRectHeight')
LANDMARK_COLUMNS = tuple(f'{axis}_{number}' for number in range(5) for axis in 'xy')


class Faces(NamedTuple):
    """The F faces of one frame, F = 0 where there is none.

    Attributes:
        boxes: (F, 4): left, top, right, bottom, in pixels.
        landmarks: (F, 5, 2), x and y in pixels: eyes, tip of the nose, corners of the mouth, of
            each pair the one further left in the picture first; NaN where unknown.
        scores: (F,), from 0 to 1.
    """

    boxes: np.ndarray
    landmarks: np.ndarray
    scores: np.ndarray


def as_faces(boxes: Any, landmarks: Any, scores: Any) -> Faces:
    """Faces from whatever numpy reads as these arrays; empty lists are no faces."""
    return Faces(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(landmarks, np.float32).reshape(-1, 5, 2),
        np.asarray(scores, np.float32).reshape(-1),
    )


NO_FACES = as_faces([], [], [])


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair of boxes: (M, 4) and (N, 4) -> (M, N)."""
    a, b = first[:, None], second[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(-1) for box in (a, b)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def read_boxes(path: str | Path) -> dict[int, Faces]:
    """The faces of a video by the number of the frame, from 0, from a CSV file.

    Columns: ``frame``, ``FaceRectX``, ``FaceRectY``, ``FaceRectWidth``, ``FaceRectHeight``, in
    pixels of the upright frame; ``FaceScore`` (1 without it); the landmarks ``x_0`` to ``y_4``
    (unknown without them). Others are ignored. Where the box is empty, there is no face.

    Raises:
        ValueError: with file and line, when a column is missing or a value is no number.
        OSError: when it cannot be read.
    """
    rows = defaultdict(list)
    with Path(path).open(encoding='utf-8-sig', newline='') as file:
        table = csv.DictReader(file)
        names = table.fieldnames or []
        missing = [name for name in ('frame', *BOX_COLUMNS) if name not in names]
        if missing or 'x_5' in names:
            expected = f'the column {missing[0]}' if missing else 'five landmarks, x_0 to y_4'
            raise ValueError(f'{path}:1: expected {expected}, found {", ".join(names)}')
        for row in table:
            if not any(row[name] for name in BOX_COLUMNS):
                continue
            try:
                x, y, width, height = (_finite(row[name]) for name in BOX_COLUMNS)
                score = _finite(row.get('FaceScore') or '1')
                known = all(row.get(name) for name in LANDMARK_COLUMNS)
                points = [_finite(row[name]) if known else math.nan for name in LANDMARK_COLUMNS]
                box = (x, y, x + width, y + height)
                rows[int(row['frame'])].append((box, points, score))
            except (TypeError, ValueError) as error:
                place = f'{path}:{table.line_num}'
                raise ValueError(f'{place}: expected numbers in a row ({error})') from error
    return {frame: as_faces(*zip(*faces, strict=True)) for frame, faces in rows.items()}


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'found {text!r}')
    return value
