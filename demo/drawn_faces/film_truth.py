"""A film's timeline compared with what was drawn."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dferclip_mm.faces.boxes import BOX_COLUMNS

Row = Mapping[str, Any]
# A face that is less visible counts as hidden.
_VISIBLE = 0.7


class FilmScores(NamedTuple):
    """How well a timeline tells what a film shows.

    Attributes:
        accuracy: share of the faces at full expression whose label is right; no answer is wrong.
        faces: how many these are, counted in each frame.
        strays: windows that are answered while nobody is there.
        onsets: of expressions, in seconds: for each act, how much later than drawn its label is
            first given; infinite where it never is.
    """

    accuracy: float
    faces: int
    strays: int
    onsets: list[float]


def compare_with_truth(windows: Sequence[Row], truth: str | Path) -> FilmScores:
    """Compare the windows of a film with its truth.

    Args:
        windows: rows with ``start, end, x, y, w, h, label``.
        truth: file of `write_film`.
    """
    frames = _read_frames(truth)
    seen = _visible(frames)
    right = [
        _label_at(face, frame['time'], windows) == face['emotion']
        for frame, face in seen
        if face['phase'] == 'apex'
    ]
    peopled = [frame['time'] for frame in frames if frame['faces']]
    strays = [row for row in windows if not any(row['start'] <= t <= row['end'] for t in peopled)]
    accuracy = float(np.mean(right)) if right else 0.0
    onsets = _find_onsets(seen, windows)
    return FilmScores(accuracy, len(right), len(strays), onsets)


def compare_tracks(faces: Sequence[Row], truth: str | Path) -> tuple[int, int]:
    """Compare the tracks of a film with its truth.

    Args:
        faces: rows with ``frame, track, FaceRectX, FaceRectY, FaceRectWidth, FaceRectHeight``.
        truth: file of `write_film`.

    Returns:
        Stays of a person in a shot, where who leaves and comes back has two; and how many of them
        have no track or several, or share one with another stay.
    """
    found = defaultdict(list)
    for row in faces:
        found[int(row['frame'])].append(row)
    last: dict[tuple[int, int], tuple[float, int]] = {}
    tracks, stays = defaultdict(set), defaultdict(set)
    for frame, face in _visible(_read_frames(truth)):
        key = (frame['shot'], face['person'])
        before, number = last.get(key, (frame['time'], 0))
        # Who is hidden behind another one for a moment has not left.
        number += frame['time'] - before > 2
        last[key] = (frame['time'], number)
        stay = (*key, number)
        tracks[stay] |= set()
        left, top, right, bottom = face['box']
        for row in found[frame['index']]:
            x, y, width, height = (float(row[name]) for name in BOX_COLUMNS)
            across, down = x + width / 2 - (left + right) / 2, y + height / 2 - (top + bottom) / 2
            if abs(across) < (right - left) / 3 and abs(down) < (bottom - top) / 3:
                tracks[stay].add(row['track'])
                stays[row['track']].add(stay)
    confused = {stay for each in stays.values() if len(each) > 1 for stay in each}
    confused |= {stay for stay, each in tracks.items() if len(each) != 1}
    return len(tracks), len(confused)


def _read_frames(truth: str | Path) -> list[Row]:
    return json.loads(Path(truth).read_text(encoding='utf-8'))['frames']


def _visible(frames: Sequence[Row]) -> list[tuple[Row, Row]]:
    return [
        (frame, face) for frame in frames for face in frame['faces'] if face['visible'] > _VISIBLE
    ]


def _find_onsets(seen: Sequence[tuple[Row, Row]], windows: Sequence[Row]) -> list[float]:
    """For each act, the seconds from its drawn onset to the first frame with its label."""
    drawn: dict[tuple[int, int, str], float] = {}
    found: dict[tuple[int, int, str], float] = {}
    for frame, face in seen:
        key = (frame['shot'], face['person'], face['emotion'])
        if face['phase'] in ('onset', 'apex'):
            drawn.setdefault(key, frame['time'])
        if face['emotion'] and _label_at(face, frame['time'], windows) == face['emotion']:
            found.setdefault(key, frame['time'])
    return [found.get(key, np.inf) - time for key, time in drawn.items()]


def _label_at(face: Row, time: float, windows: Sequence[Row]) -> str | None:
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
