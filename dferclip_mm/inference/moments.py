"""The strongest windows of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..precompute.track_windows import Window


class Seen(NamedTuple):
    """A frame that the model saw of a window, when it is explained.

    ``effect`` is what it adds to the label's probability, ``picture`` a JPEG: the face, and below
    it the places that speak for the label.
    """

    time: float
    effect: float
    picture: bytes


class Moment(NamedTuple):
    """A window: time of its middle in seconds, and the face there as a small JPEG."""

    track: int
    label: str
    score: float
    time: float
    picture: bytes
    frames: Sequence[Seen] = ()


class MomentLog:
    """For each track and label, up to four of its strongest windows that do not overlap."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], list[Moment]] = {}
        # Of each label, for an explanation.
        self._strongest: dict[str, tuple[Moment, Window]] = {}

    def add(self, window: Window, label: str, score: float) -> None:
        """Note the next window of a track."""
        kept = self._kept.setdefault((window.track, label), [])
        if kept and window.middle - kept[-1].time < window.end - window.start:
            if score <= kept[-1].score:
                return
            kept.pop()
        seen = min(window.samples, key=lambda each: abs(each.time - window.middle))
        kept.append(Moment(window.track, label, score, window.middle, as_jpeg(seen.crop)))
        if label not in self._strongest or score > self._strongest[label][0].score:
            self._strongest[label] = kept[-1], window
        if len(kept) > 4:
            # Of equal ones the first stays, which is explained.
            kept.remove(min(reversed(kept), key=lambda moment: moment.score))

    def all(self, explain: Callable[[Window, str], Sequence[Seen]] | None = None) -> list[Moment]:
        """The moments by track and label; ``explain`` gives frames of each label's strongest."""
        frames: dict[Moment, Sequence[Seen]] = {}
        if explain is not None:
            strongest = self._strongest.values()
            frames = {moment: explain(window, moment.label) for moment, window in strongest}
        kept = sorted(moment for moments in self._kept.values() for moment in moments)
        return [moment._replace(frames=frames.get(moment, ())) for moment in kept]


def as_jpeg(*images: np.ndarray) -> bytes:
    """RGB images of one size, shrunk to a side of 160 pixels, one below the other."""
    scale = min(1.0, 160 / max(images[0].shape[:2]))
    small = [
        cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for each in images
    ]
    return cv2.imencode('.jpg', np.vstack(small)[..., ::-1])[1].tobytes()
