"""A film's timeline compared with what was drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Row = Mapping[str, Any]


class FilmScores(NamedTuple):
    """How well a timeline tells what a film shows.

    Attributes:
        accuracy: share of the faces at full expression whose label is right; no answer is wrong.
        faces: how many these are, counted in each frame.
        strays: windows that are answered while nobody is there.
    """

    accuracy: float
    faces: int
    strays: int


def compare_with_truth(windows: Sequence[Row], truth: str | Path) -> FilmScores:
    """Compare the windows of a film with its truth.

    Args:
        windows: rows with ``start, end, x, y, w, h, label``.
        truth: file of `write_film`.
    """
    frames = json.loads(Path(truth).read_text(encoding='utf-8'))['frames']
    right = [
        _label_of(face, frame['time'], windows) == face['emotion']
        for frame in frames
        for face in frame['faces']
        if face['phase'] == 'apex' and face['visible'] > 0.7
    ]
    peopled = [frame['time'] for frame in frames if frame['faces']]
    strays = [row for row in windows if not any(row['start'] <= t <= row['end'] for t in peopled)]
    return FilmScores(float(np.mean(right)) if right else 0.0, len(right), len(strays))


def _label_of(face: Row, time: float, windows: Sequence[Row]) -> str | None:
    """The label of the window at the face whose middle is nearest in time."""
    left, top, right, bottom = face['box']
    here = [
        row
        for row in windows
        if row['start'] <= time <= row['end']
        and abs(row['x'] + row['w'] / 2 - (left + right) / 2) < right - left
        and abs(row['y'] + row['h'] / 2 - (top + bottom) / 2) < bottom - top
    ]
    if not here:
        return None
    return min(here, key=lambda row: abs((row['start'] + row['end']) / 2 - time))['label']
