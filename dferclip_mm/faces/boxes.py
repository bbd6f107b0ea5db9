"""The faces of one frame, from a detector or a table, and how much boxes overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

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
    place = ['frame', *BOX_COLUMNS]
    try:
        table = pd.read_csv(path, index_col=False, skip_blank_lines=False)
    except ValueError as error:
        raise ValueError(f'{path}: expected a table with the columns {place} ({error})') from error
    missing = [name for name in place if name not in table]
    if missing or 'x_5' in table:
        expected = f'the column {missing[0]}' if missing else 'five landmarks, x_0 to y_4'
        raise ValueError(f'{path}:1: expected {expected}, found {", ".join(table)}')
    table = table.dropna(subset=place[1:], how='all')
    given = table.reindex(columns=[*place, 'FaceScore', *LANDMARK_COLUMNS])
    faces = given.apply(pd.to_numeric, errors='coerce')
    wrong = ~np.isfinite(faces[place]).all(axis=1) | (faces['frame'] % 1 != 0)
    wrong |= (faces.isna() & given.notna()).any(axis=1)
    if wrong.any():
        row = wrong.idxmax()
        found = table.loc[row].tolist()
        raise ValueError(f'{path}:{row + 2}: expected numbers in a row, found {found}')
    faces = faces.fillna({'FaceScore': 1.0}).sort_values('frame', kind='stable')
    frames, first = np.unique(faces['frame'], return_index=True)
    rows = faces.to_numpy(np.float64)
    rows[:, 3:5] += rows[:, 1:3]
    return {
        int(frame): as_faces(part[:, 1:5], part[:, 6:], part[:, 5])
        for frame, part in zip(frames, np.split(rows, first[1:]), strict=False)
    }
