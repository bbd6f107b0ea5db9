"""The tables of a timeline: one function each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from ..faces.boxes import BOX_COLUMNS, LANDMARK_COLUMNS
from ..faces.track_faces import Tracked

WINDOW_COLUMNS = (
    *('video', 'track', 'start', 'end', 'frame_start', 'frame_end'),
    *('x', 'y', 'w', 'h', 'face_score', 'coverage', 'label', 'score'),
)
# What is known of each face before its scores, as numbers.
_SEEN = ('frame', 'time', 'track', *BOX_COLUMNS, 'FaceScore', *LANDMARK_COLUMNS, 'interpolated')
FACE_COLUMNS = ('input', *_SEEN)
# A label gives way to one whose score is higher by more; shorter stretches are none, in seconds.
_MARGIN, _MIN_SECONDS = 0.1, 1.0


class FaceLog:
    """The faces of all frames, in about 150 bytes each."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []

    def note(self, tracked: Iterable[Tracked]) -> Iterator[Tracked]:
        """Note the faces of each frame, and pass them on."""
        for frame, faces in tracked:
            place = (frame.number, frame.time)
            if not faces:
                self._rows.append(np.array([*place, *[np.nan] * (len(_SEEN) - 2)]))
            for track, box, landmarks, score, interpolated in faces:
                values = (track, *box[:2], *(box[2:] - box[:2]), score, *landmarks.ravel())
                self._rows.append(np.array([*place, *values, interpolated]))
            yield frame, faces

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
        table = table.astype({'frame': 'int64', 'track': 'Int64', 'interpolated': 'boolean'})
        seen = table['track'].notna()
        table['Identity'] = ('Person_' + table['track'].astype('string')).where(seen, None)
        return table


def number_stretches(faces: pd.DataFrame) -> pd.Series:
    """For each face how often its track was hidden before, so that gaps stay gaps."""
    hidden = faces.groupby('track')['frame'].diff() > 1
    return hidden.groupby(faces['track']).cumsum()


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


def find_segments(windows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Stretches with one label: ``video, track, start, end, label``, and its mean ``score``.

    Where windows overlap, each counts for the time that is closest to its middle. The label changes
    to another one whose score is higher by more than 0.1; a stretch shorter than a second counts to
    the one before it, the first to the next one.
    """
    rows = []
    for track, times, padded in find_curves(windows, classes):
        scores = padded[1:-1]
        edges = np.concatenate([times[:1], (times[1:-2] + times[2:-1]) / 2, times[-1:]])
        for label, first, last in _find_runs(_steady_labels(scores, edges)):
            place = (windows['video'].iloc[0], track, edges[first], edges[last])
            rows.append((*place, classes[label], scores[first:last, label].mean()))
    return pd.DataFrame(rows, columns=['video', 'track', 'start', 'end', 'label', 'score'])


def _steady_labels(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    labels = [int(scores[0].argmax())]
    for row in scores[1:]:
        best, held = int(row.argmax()), labels[-1]
        labels.append(best if row[best] > row[held] + _MARGIN else held)
    steady = pd.Series(labels, dtype='Int64')
    for _, first, last in _find_runs(np.array(labels)):
        if edges[last] - edges[first] < _MIN_SECONDS - 1e-6:
            steady[first:last] = pd.NA
    return steady.ffill().bfill().fillna(scores.mean(axis=0).argmax()).to_numpy(int)


def _find_runs(labels: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Each label that stays, with its first place and the one after its last."""
    first = np.flatnonzero(np.diff(labels, prepend=-1))
    return zip(labels[first], first, [*first[1:], len(labels)], strict=True)


def find_tracks(
    faces: pd.DataFrame, windows: pd.DataFrame, segments: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """A row for each track, see `EmotionTimeline`."""
    faces = faces.rename(columns={'input': 'video'}).assign(stretch=number_stretches(faces))
    seen = faces.groupby(['video', 'track'], as_index=False)
    tracks = seen.agg(
        start=('time', 'min'),
        end=('time', 'max'),
        frames=('time', 'size'),
        gaps=('stretch', 'max'),
        height=('FaceRectHeight', 'median'),
    ).set_index('track', drop=False)
    strongest = windows.sort_values('score', ascending=False, kind='stable')
    peaks = strongest.drop_duplicates('track').set_index('track')
    times = segments.groupby('track')
    shares = pd.DataFrame({track: share_time(rows, classes) for track, rows in times}, [*classes]).T
    tracks['windows'] = windows['track'].value_counts().reindex(tracks.index, fill_value=0)
    tracks['label'] = shares.idxmax(axis=1)
    tracks['peak_label'], tracks['peak_score'] = peaks['label'], peaks['score']
    tracks['peak'] = (peaks['start'] + peaks['end']) / 2
    return tracks.join(shares).reset_index(drop=True)


def share_time(segments: pd.DataFrame, classes: Sequence[str]) -> dict[str, float]:
    """The share of the segments' time in which each class wins; 0 where there is no time."""
    seconds = (segments['end'] - segments['start']).groupby(segments['label']).sum()
    total = max(float(seconds.sum()), 1e-9)
    return {name: float(seconds.get(name, 0.0)) / total for name in classes}
