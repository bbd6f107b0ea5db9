"""Which face of a frame is which face of the frames before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from .boxes import Faces, overlaps

# Seconds over which the speed of a face is averaged.
_SPEED_TIME = 0.3
# Boxes are compared in this size, so that a sudden movement between detections is followed.
_GROWN = 1.5
# Intersection over union of such boxes of one face, at least.
_MIN_OVERLAP = 0.25
# Score from which a face may begin a track.
_STRONG = 0.7
# Seconds that a face may be unseen in one track.
_MAX_GAP = 2.0


@dataclass
class _Track:
    number: int
    time: float
    box: np.ndarray
    # Of the box's sides, in pixels per second.
    speed: np.ndarray

    def box_at(self, time: float) -> np.ndarray:
        """Where the face is, should it have moved on as before."""
        return self.box + self.speed * (time - self.time)

    def see(self, time: float, box: np.ndarray) -> None:
        elapsed = time - self.time
        share = 1 - np.exp(-elapsed / _SPEED_TIME)
        self.speed = self.speed + share * ((box - self.box) / elapsed - self.speed)
        self.time, self.box = time, box


class FaceTracker:
    """Gives faces of successive frames of a shot the number of their track.

    Boxes are matched with where each track is expected by its speed, by greatest total overlap:
    first the strong ones with the tracks of the frame before, then the weak ones (a profile, a hand
    before the face) with the tracks that are left, as in ByteTrack (Zhang et al., 2022), then the
    strong ones that are left with tracks that were lost for a while. What remains of the strong
    ones begins a track.

    ``numbers`` are those of the tracks to come.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._tracks: list[_Track] = []
        self._last_time = -np.inf

    def update(self, time: float, faces: Faces) -> np.ndarray:
        """The track of each face of the next frame, (F,); -1 for a weak face of no track."""
        self._tracks = [track for track in self._tracks if time - track.time <= _MAX_GAP]
        recent = [track for track in self._tracks if track.time == self._last_time]
        lost = [track for track in self._tracks if track.time != self._last_time]
        boxes, numbers = _grow(faces.boxes), np.full(len(faces.scores), -1)
        strong = faces.scores >= _STRONG
        for tracks, among in ((recent, strong), (recent, ~strong), (lost, strong)):
            free = np.flatnonzero(among & (numbers < 0))
            waiting = [track for track in tracks if track.time != time]
            for track, index in self._match(time, waiting, boxes, free):
                track.see(time, boxes[index])
                numbers[index] = track.number
        for index in np.flatnonzero(strong & (numbers < 0)):
            numbers[index] = next(self._numbers)
            self._tracks.append(_Track(numbers[index], time, boxes[index], np.zeros(4)))
        self._last_time = time
        return numbers

    def _match(
        self, time: float, tracks: list[_Track], boxes: np.ndarray, free: np.ndarray
    ) -> list[tuple[_Track, int]]:
        # Where it is expected, or where it was: people stop and turn.
        there = ([track.box_at(time) for track in tracks], [track.box for track in tracks])
        known = (np.reshape(each, (-1, 4)) for each in there)
        shared = np.maximum(*(overlaps(each, boxes[free]) for each in known))
        pairs = zip(*linear_sum_assignment(-shared), strict=True)
        return [(tracks[i], free[j]) for i, j in pairs if shared[i, j] >= _MIN_OVERLAP]


def _grow(boxes: np.ndarray) -> np.ndarray:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.tile(centres, 2) + _GROWN * (boxes - np.tile(centres, 2))
