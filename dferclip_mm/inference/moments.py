"""The strongest moments of each face."""

from __future__ import annotations

from typing import NamedTuple

import cv2

from .windows import Window


class Moment(NamedTuple):
    """The middle of a window: time in seconds, and the face's crop as a small JPEG."""

    track: int
    label: str
    score: float
    time: float
    picture: bytes


class MomentLog:
    """For each track and label, up to four of its strongest windows that do not overlap."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], list[Moment]] = {}

    def add(self, window: Window, label: str, score: float) -> None:
        """Note the next window of a track."""
        kept = self._kept.setdefault((window.track, label), [])
        middle = window.samples[len(window.samples) // 2]
        if kept and middle.time - kept[-1].time < window.end - window.start:
            if score <= kept[-1].score:
                return
            kept.pop()
        scale = min(1.0, 160 / max(middle.crop.shape[:2]))
        small = cv2.resize(middle.crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.imencode('.jpg', small[..., ::-1])[1].tobytes()
        kept.append(Moment(window.track, label, score, middle.time, picture))
        if len(kept) > 4:
            kept.remove(min(kept, key=lambda moment: moment.score))

    def all(self) -> list[Moment]:
        """The moments in order of track and label."""
        return sorted(moment for kept in self._kept.values() for moment in kept)
