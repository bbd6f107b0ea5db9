"""Sliding windows over the faces of each track, and the strongest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from ..faces.track_faces import Tracked, TrackedFace
from ..transforms.sampling import centred_segments

# Seconds within which two times are equal.
_TINY = 1e-6
# The least share of a window that has a face, and the shortest track with a window, in seconds.
_MIN_COVERAGE, _MIN_LENGTH = 0.5, 0.5
# A track ends when it has not been seen for longer, in seconds.
_MAX_GAP = 2.0


@dataclass(eq=False)
class FaceSample:
    """A face that the model sees: its frame, its crop (H, W, 3), later its feature (D,)."""

    frame: int
    time: float
    face: TrackedFace
    crop: np.ndarray
    feature: np.ndarray | None = None


class Window(NamedTuple):
    """A stretch of one track, which does not reach beyond it; times are in seconds."""

    track: int
    start: float
    end: float
    samples: list[FaceSample]

    def choose(self, num_frames: int) -> list[FaceSample]:
        """The T faces that a model sees, as in its test."""
        return [self.samples[index] for index in centred_segments(len(self.samples), num_frames)]


@dataclass
class _OpenTrack:
    """A track, and the samples that windows to come may need."""

    begun: float
    next_start: float
    next_sample: float
    seen: float = 0.0
    samples: list[FaceSample] = field(default_factory=list)


def slide_windows(
    tracked: Iterable[Tracked],
    crop: Callable[[np.ndarray, TrackedFace], np.ndarray],
    *,
    length: float,
    stride: float,
    step: float,
) -> Iterator[Window]:
    """Cut the tracks of a video into windows, each as soon as it is complete; times in seconds.

    Of each track one face per ``step`` is a sample. Its first window begins with it; if samples
    remain after the last one, one more window ends with the track. A track that is shorter than a
    window is one short window. Where more than half of a window has no face, there is none. In
    memory are the samples of one window per track.

    Args:
        tracked: the frames in order, with their faces.
        crop: from a frame and a face in it.
        length, stride, step: of a window, to the next one, from one sample to the next one.
    """
    tracks: dict[int, _OpenTrack] = {}

    def cut(number: int, start: float, end: float, until: float) -> Iterator[Window]:
        samples = tracks[number].samples
        inside = [each for each in samples if start - _TINY <= each.time < until - _TINY]
        if len(inside) * step >= _MIN_COVERAGE * (end - start):
            yield Window(number, start, end, inside)

    def end_tracks(before: float) -> Iterator[Window]:
        for number, track in [*tracks.items()]:
            if track.seen < before:
                start, end = max(track.begun, track.seen - length), track.seen
                whole = track.next_start > track.begun
                remains = not whole or start > track.next_start - stride + step / 2
                if remains and end - track.begun >= _MIN_LENGTH:
                    yield from cut(number, start, end, np.inf)
                del tracks[number]

    for frame, faces in tracked:
        time = frame.time
        yield from end_tracks(time - _MAX_GAP)
        for face in faces:
            track = tracks.setdefault(face.track, _OpenTrack(time, time, time))
            track.seen = time
            while time >= track.next_start + length - _TINY:
                end = track.next_start + length
                yield from cut(face.track, track.next_start, end, end)
                track.next_start += stride
            if time < track.next_sample - _TINY:
                continue
            # After a gap the steps begin anew.
            late = time >= track.next_sample + step
            track.next_sample = (time if late else track.next_sample) + step
            # Of the next window, or of one that ends here.
            keep = min(track.next_start, time - length) - _TINY
            track.samples = [each for each in track.samples if each.time >= keep]
            track.samples.append(FaceSample(frame.number, time, face, crop(frame.image, face)))
    yield from end_tracks(np.inf)


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
