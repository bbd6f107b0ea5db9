"""From a stream of frames to the faces in each, every face with its track."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, groupby
from typing import NamedTuple

import numpy as np

from ..media.timed_frames import TimedFrame
from .detectors import FaceFinder
from .tracker import FaceTracker


class TrackedFace(NamedTuple):
    """A face in one frame, as in `Faces`, with the number of its track in the video, from 0.

    It is ``interpolated`` in a frame between two in which it was detected.
    """

    track: int
    box: np.ndarray
    landmarks: np.ndarray
    score: float
    interpolated: bool


Tracked = tuple[TimedFrame, list[TrackedFace]]
# The time of a frame that was searched; of each track in it, box, landmarks and score: (15,).
_Detections = tuple[float, dict[int, np.ndarray]]
# Standard deviation of the weights of smoothing, in seconds.
_SMOOTHING = 0.1


def track_faces(
    frames: Iterable[TimedFrame], find: FaceFinder, *, every: int = 1
) -> Iterator[Tracked]:
    """Detect and follow the faces of a video: its frames, each with its faces in order of tracks.

    Faces are detected in every n-th frame (``every``), and in the first and last one of each shot,
    with which tracks end. A face is present between two detections if it was found in both. Boxes
    and landmarks are smoothed over time: in memory are frames of 0.2 seconds, and ``every`` more.
    """
    numbers = count()
    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        tracker = FaceTracker(numbers)
        waiting: deque[TimedFrame] = deque()
        found: deque[_Detections] = deque()
        for index, frame in enumerate(shot):
            waiting.append(frame)
            if index % every == 0:
                found.append(_detect(frame, find, tracker))
                yield from _release(waiting, found, frame.time - 2 * _SMOOTHING)
        if waiting[-1].time > found[-1][0]:
            found.append(_detect(waiting[-1], find, tracker))
        yield from _release(waiting, found, np.inf)


def _detect(frame: TimedFrame, find: FaceFinder, tracker: FaceTracker) -> _Detections:
    faces = find(frame)
    rows = np.column_stack([faces.boxes, faces.landmarks.reshape(-1, 10), faces.scores])
    numbers = tracker.update(frame.time, faces).tolist()
    return frame.time, {n: row for n, row in zip(numbers, rows, strict=True) if n >= 0}


def _release(
    waiting: deque[TimedFrame], found: deque[_Detections], until: float
) -> Iterator[Tracked]:
    while waiting and waiting[0].time <= until:
        frame = waiting.popleft()
        # Further away weights are nearly 0; one detection before the frame stays.
        while len(found) > 1 and found[1][0] < frame.time - 3 * _SMOOTHING:
            found.popleft()
        after = next(index for index, (time, _) in enumerate(found) if time >= frame.time)
        between = found[after][0] > frame.time
        faces = []
        for track in sorted(found[after - between][1].keys() & found[after][1].keys()):
            seen = [(time, *rows[track]) for time, rows in found if track in rows]
            row = smooth_at(frame.time, np.array(seen))
            faces.append(TrackedFace(track, row[:4], row[4:14].reshape(5, 2), row[14], between))
        yield frame, faces


def smooth_at(time: float, seen: np.ndarray) -> np.ndarray:
    """The values (N,) at a time of lines through times and values (K, 1 + N) around it.

    Unlike a weighted mean this local linear regression does not lag behind what moves evenly, even
    at the ends.
    """
    x, values = seen[:, 0] - time, seen[:, 1:]
    # What is far away counts a little, so that a line can be fitted whatever the distances are.
    weights = np.exp(-(x**2) / (2 * _SMOOTHING**2)) + 1e-6
    return np.polyfit(x, values, min(1, len(x) - 1), w=np.sqrt(weights))[-1]
