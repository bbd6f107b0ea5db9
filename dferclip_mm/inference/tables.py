"""The tables of a timeline: one function each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from ..faces.boxes import BOX_COLUMNS, LANDMARK_COLUMNS
from ..faces.track_faces import TrackedFace
from ..media.timed_frames import TimedFrame

WINDOW_COLUMNS = (
    *('video', 'track', 'start', 'end', 'frame_start', 'frame_end'),
    *('x', 'y', 'w', 'h', 'face_score', 'coverage', 'label', 'score'),
)
SEGMENT_COLUMNS = ('video', 'track', 'start', 'end', 'label', 'score')
# What is known of each face before its scores, as numbers.
_SEEN = ('frame', 'time', 'track', *BOX_COLUMNS, 'FaceScore', *LANDMARK_COLUMNS, 'interpolated')
FACE_COLUMNS = ('input', *_SEEN)
TRACK_COLUMNS = (
    *('video', 'track', 'start', 'end', 'frames', 'gaps', 'height', 'windows'),
    *('label', 'peak_label', 'peak_score', 'peak'),
)


class FaceLog:
    """The faces of all frames, in about 150 bytes each."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []

    def add(self, frame: TimedFrame, faces: Sequence[TrackedFace]) -> None:
        """Note the faces of the next frame; there may be none."""
        place = (frame.number, frame.time)
        if not faces:
            self._rows.append(np.array([*place, *[np.nan] * (len(_SEEN) - 2)]))
        for track, box, landmarks, score, interpolated in faces:
            values = (track, *box[:2], *(box[2:] - box[:2]), score, *landmarks.ravel())
            self._rows.append(np.array([*place, *values, interpolated]))

    def table(self, video: str, windows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
        """The table of faces, with the scores of the windows around each."""
        values = np.array(self._rows).reshape(-1, len(_SEEN))
        table = pd.DataFrame(values, columns=list(_SEEN))
        table.insert(0, 'input', video)
        tracks, times = table['track'].to_numpy(), table['time'].to_numpy()
        scores = np.full((len(table), len(classes)), np.nan)
        for track, at, known in find_curves(windows, classes):
            here = (tracks == track) & (times >= at[0] - 1e-6) & (times <= at[-1] + 1e-6)
            scores[here] = np.stack([np.interp(times[here], at, each) for each in known.T], axis=1)
        table[list(classes)] = scores
        table['frame'] = table['frame'].astype('int64')
        table['track'] = table['track'].astype('Int64')
        table['interpolated'] = table['interpolated'].astype('boolean')
        seen = table['track'].notna()
        table['Identity'] = ('Person_' + table['track'].astype('string')).where(seen, None)
        return table


def find_curves(
    windows: pd.DataFrame, classes: Sequence[str]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The scores of each track over time, one curve for each stretch in which windows overlap.

    Yields:
        The track; times (K,), the stretch's start, the middles of its windows and its end; scores
        (K, C).
    """
    for track, group in windows.groupby('track', sort=False):
        stretch = (group['start'] > group['end'].cummax().shift() + 1e-6).cumsum()
        for _, rows in group.groupby(stretch):
            middles = (rows['start'] + rows['end']).to_numpy() / 2
            times = np.array([rows['start'].iloc[0], *middles, rows['end'].iloc[-1]])
            scores = rows[list(classes)].to_numpy()
            yield int(track), times, np.concatenate([scores[:1], scores, scores[-1:]])


def find_segments(
    windows: pd.DataFrame, classes: Sequence[str], margin: float = 0.1, min_seconds: float = 1.0
) -> pd.DataFrame:
    """Stretches of a track with the same label: `SEGMENT_COLUMNS`; ``score`` is the label's mean.

    Where windows overlap, each counts for the time that is closest to its middle. The label changes
    to another one whose score is higher by more than ``margin``; a stretch shorter than
    ``min_seconds`` counts to the one before it, the first to the next one.
    """
    rows = []
    for track, times, padded in find_curves(windows, classes):
        scores = padded[1:-1]
        edges = np.concatenate([times[:1], (times[1:-2] + times[2:-1]) / 2, times[-1:]])
        labels = _steady_labels(scores, edges, margin, min_seconds)
        for label, group in groupby(range(len(labels)), key=lambda index: labels[index]):
            run = [*group]
            place = (windows['video'].iloc[0], track, edges[run[0]], edges[run[-1] + 1])
            rows.append((*place, classes[label], scores[run, label].mean()))
    return pd.DataFrame(rows, columns=[*SEGMENT_COLUMNS])


def _steady_labels(
    scores: np.ndarray, edges: np.ndarray, margin: float, min_seconds: float
) -> list[int]:
    labels = [int(scores[0].argmax())]
    for row in scores[1:]:
        best, held = int(row.argmax()), labels[-1]
        labels.append(best if row[best] > row[held] + margin else held)
    steady = pd.Series(labels, dtype='Int64')
    for _, group in groupby(range(len(labels)), key=lambda index: labels[index]):
        run = [*group]
        if edges[run[-1] + 1] - edges[run[0]] < min_seconds - 1e-6:
            steady[run] = pd.NA
    return steady.ffill().bfill().fillna(int(scores.mean(axis=0).argmax())).tolist()


def find_tracks(
    faces: pd.DataFrame, windows: pd.DataFrame, segments: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """A row for each track: `TRACK_COLUMNS`, and each class's share of the answered time."""
    rows = []
    for track, seen in faces.dropna(subset=['track']).groupby('track'):
        answers = windows[windows['track'] == track]
        row = dict(
            video=seen['input'].iloc[0],
            track=int(track),
            start=seen['time'].iloc[0],
            end=seen['time'].iloc[-1],
            frames=len(seen),
            gaps=int((seen['frame'].diff() > 1).sum()),
            height=seen['FaceRectHeight'].median(),
            windows=len(answers),
        )
        if len(answers):
            shares = share_time(segments[segments['track'] == track], classes)
            peak = answers.loc[answers['score'].idxmax()]
            row |= dict(
                label=max(shares, key=lambda name: shares[name]) if any(shares.values()) else None,
                peak_label=peak['label'],
                peak_score=peak['score'],
                peak=(peak['start'] + peak['end']) / 2,
                **shares,
            )
        rows.append(row)
    return pd.DataFrame(rows, columns=[*TRACK_COLUMNS, *classes])


def share_time(segments: pd.DataFrame, classes: Sequence[str]) -> dict[str, float]:
    """The share of the segments' time in which each class wins; 0 where there is no time."""
    seconds = (segments['end'] - segments['start']).groupby(segments['label']).sum()
    total = max(float(seconds.sum()), 1e-9)
    return {name: float(seconds.get(name, 0.0)) / total for name in classes}
