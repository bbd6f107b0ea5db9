"""From a stream of frames to the faces in each, every face with its track."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ..media.timed_frames import TimedFrame
from .detectors import FaceFinder
from .tracker import FaceTracker


class TrackedFace(NamedTuple):
    """A face in one frame.

    Attributes:
        track: its number in the video, from 0.
        box: (4,): left, top, right, bottom, in pixels.
        landmarks: (5, 2), as in `Faces`.
        score: of the detector.
        interpolated: whether the frame lies between two in which the face was detected.
    """

    track: int
    box: np.ndarray
    landmarks: np.ndarray
    score: float
    interpolated: bool


class _Detections(NamedTuple):
    """Box, landmarks and score of each track in one frame, as a row of 15."""

    time: float
    rows: dict[int, np.ndarray]


Tracked = tuple[TimedFrame, list[TrackedFace]]


def track_faces(
    frames: Iterable[TimedFrame],
    find: FaceFinder,
    *,
    every: int = 1,
    smoothing: float = 0.1,
    tracker: FaceTracker | None = None,
) -> Iterator[Tracked]:
    """Detect and follow the faces of a video.

    A face is present between two detections if it was found in both. Boxes and landmarks are
    smoothed over time, so frames are held in memory for two times ``smoothing`` and ``every``.

    Args:
        frames: of the video, in order. Tracks end with their shot.
        find: the faces of one frame.
        every: faces are detected in every n-th frame, and in the first and last one of each shot.
        smoothing: standard deviation of the weights over time, in seconds.
        tracker: other than the default one.

    Yields:
        Each frame, with its faces in the order of their tracks.
    """
    tracker = tracker or FaceTracker()
    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        yield from _track_shot(shot, find, every, smoothing, tracker)
        tracker.end_shot()


def _track_shot(
    frames: Iterable[TimedFrame],
    find: FaceFinder,
    every: int,
    smoothing: float,
    tracker: FaceTracker,
) -> Iterator[Tracked]:
    waiting: deque[TimedFrame] = deque()
    found: deque[_Detections] = deque()
    for count, frame in enumerate(frames):
        waiting.append(frame)
        if count % every == 0:
            found.append(_detect(frame, find, tracker))
            yield from _release(waiting, found, frame.time - 2 * smoothing, smoothing)
    if waiting[-1].time > found[-1].time:
        found.append(_detect(waiting[-1], find, tracker))
    yield from _release(waiting, found, np.inf, smoothing)


def _detect(frame: TimedFrame, find: FaceFinder, tracker: FaceTracker) -> _Detections:
    faces = find(frame)
    parts = (faces.boxes, faces.landmarks.reshape(-1, 10), faces.scores[:, None])
    rows = np.concatenate(parts, axis=1, dtype=np.float64)
    numbers = tracker.update(frame.time, faces).tolist()
    return _Detections(frame.time, {n: row for n, row in zip(numbers, rows, strict=True) if n >= 0})


def _release(
    waiting: deque[TimedFrame], found: deque[_Detections], until: float, smoothing: float
) -> Iterator[Tracked]:
    while waiting and waiting[0].time <= until:
        frame = waiting.popleft()
        # Further away weights are nearly 0; one detection before the frame stays.
        while len(found) > 1 and found[1].time < frame.time - 3 * smoothing:
            found.popleft()
        yield frame, _faces_at(frame.time, [*found], smoothing)


def _faces_at(time: float, found: list[_Detections], smoothing: float) -> list[TrackedFace]:
    before = [each for each in found if each.time <= time][-1]
    after = next(each for each in found if each.time >= time)
    faces = []
    for track in sorted(before.rows.keys() & after.rows.keys()):
        seen = [(each.time, each.rows[track]) for each in found if track in each.rows]
        times, rows = (np.array(values) for values in zip(*seen, strict=True))
        row = smooth_at(time, times, rows, smoothing)
        interpolated = before.time != time
        faces.append(TrackedFace(track, row[:4], row[4:14].reshape(5, 2), row[14], interpolated))
    return faces


def smooth_at(time: float, times: np.ndarray, values: np.ndarray, smoothing: float) -> np.ndarray:
    """The value (N,) at a time of the line through values around it (local linear regression).

    Unlike a weighted mean it does not lag behind what moves evenly, even at the ends.

    Args:
        time: where it is wanted.
        times: (K,).
        values: (K, N).
        smoothing: standard deviation of the Gaussian weights.
    """
    x = times - time
    # What is far away counts a little, so that a line can be fitted whatever the distances are.
    weights = np.exp(-(x**2) / (2 * smoothing**2)) + 1e-6
    return np.polyfit(x, values, min(1, len(x) - 1), w=np.sqrt(weights))[-1]
