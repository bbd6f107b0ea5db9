"""Which face of a frame is which face of the frames before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from .boxes import Faces, overlaps

# Seconds over which the speed of a face is averaged.
_SPEED_TIME = 0.3
# Boxes are compared in this size, so that a sudden movement between detections is followed.
_GROWN = 1.5


@dataclass
class _Track:
    number: int
    time: float
    box: np.ndarray
    # Of the box's centre, in pixels per second.
    speed: np.ndarray

    def box_at(self, time: float) -> np.ndarray:
        """Where the face is, should it have moved on as before."""
        return self.box + np.tile(self.speed * (time - self.time), 2)

    def see(self, time: float, box: np.ndarray) -> None:
        elapsed = time - self.time
        moved = ((box - self.box)[:2] + (box - self.box)[2:]) / 2
        share = 1 - np.exp(-elapsed / _SPEED_TIME)
        self.speed = self.speed + share * (moved / elapsed - self.speed)
        self.time, self.box = time, box


class FaceTracker:
    """Gives faces of successive frames the number of their track.

    Boxes are matched with where each track is expected by its speed, by greatest total overlap:
    first the strong ones with the tracks of the frame before, then the weak ones (a profile, a hand
    before the face) with the tracks that are left, as in ByteTrack (Zhang et al., 2022), then the
    strong ones that are left with tracks that were lost for a while. What remains of the strong
    ones begins a track.

    Args:
        strong: score from which a face may begin a track.
        min_overlap: intersection over union of a face's box with its track's, both half as large
            again.
        max_gap: seconds that a face may be unseen in one track.
    """

    def __init__(
        self, *, strong: float = 0.7, min_overlap: float = 0.25, max_gap: float = 2.0
    ) -> None:
        self.strong, self.min_overlap, self.max_gap = strong, min_overlap, max_gap
        self._tracks: list[_Track] = []
        self._begun = 0
        self._last_time = -np.inf

    def end_shot(self) -> None:
        """End all tracks: the next frame is of another shot."""
        self._tracks = []

    def update(self, time: float, faces: Faces) -> np.ndarray:
        """The track of each face, (F,), from 0; -1 for a weak face of no track.

        Args:
            time: of the frame in seconds, later than the one before.
            faces: of the frame.
        """
        self._tracks = [track for track in self._tracks if time - track.time <= self.max_gap]
        recent = [track for track in self._tracks if track.time == self._last_time]
        lost = [track for track in self._tracks if track.time != self._last_time]
        numbers = np.full(len(faces.scores), -1)
        strong = faces.scores >= self.strong
        for tracks, among in ((recent, strong), (recent, ~strong), (lost, strong)):
            free = np.flatnonzero(among & (numbers < 0))
            waiting = [track for track in tracks if track.time != time]
            for track, index in self._match(time, waiting, faces.boxes, free):
                track.see(time, faces.boxes[index])
                numbers[index] = track.number
        for index in np.flatnonzero(strong & (numbers < 0)):
            self._tracks.append(_Track(self._begun, time, faces.boxes[index], np.zeros(2)))
            numbers[index] = self._begun
            self._begun += 1
        self._last_time = time
        return numbers

    def _match(
        self, time: float, tracks: list[_Track], boxes: np.ndarray, free: np.ndarray
    ) -> list[tuple[_Track, int]]:
        if not tracks or not len(free):
            return []
        # Where it is expected, or where it was: people stop and turn.
        there = ([track.box_at(time) for track in tracks], [track.box for track in tracks])
        found = _grow(boxes[free])
        shared = np.maximum(*(overlaps(_grow(np.stack(each)), found) for each in there))
        pairs = zip(*linear_sum_assignment(-shared), strict=True)
        return [(tracks[i], free[j]) for i, j in pairs if shared[i, j] >= self.min_overlap]


def _grow(boxes: np.ndarray) -> np.ndarray:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.tile(centres, 2) + _GROWN * (boxes - np.tile(centres, 2))
