"""Sliding windows over the faces of each track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    """A face of a track; where the model may see it its crop (H, W, 3), later its feature (D,)."""

    frame: int
    time: float
    face: TrackedFace
    crop: Any = None
    feature: Any = None


class Window(NamedTuple):
    """A stretch of one track with all its faces; it does not reach beyond it. Times in seconds."""

    track: int
    start: float
    end: float
    faces: list[FaceSample]

    @property
    def samples(self) -> list[FaceSample]:
        """The faces that a model may see, one for each step."""
        return [face for face in self.faces if face.crop is not None]

    @property
    def middle(self) -> float:
        """The time to which the answer belongs, in seconds."""
        return (self.start + self.end) / 2

    def choose(self, num_frames: int) -> list[FaceSample]:
        """The T faces that a model sees, as in its test."""
        samples = self.samples
        return [samples[index] for index in centred_segments(len(samples), num_frames)]


@dataclass
class _OpenTrack:
    """A track, and the faces that windows to come may need."""

    begun: float
    next_start: float
    next_sample: float
    seen: float = 0.0
    faces: list[FaceSample] = field(default_factory=list)


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
    memory are the faces of one window per track.

    Args:
        tracked: the frames in order, with their faces.
        crop: from a frame and a face in it.
        length, stride, step: of a window, to the next one, from one sample to the next one.
    """
    tracks: dict[int, _OpenTrack] = {}

    def cut(number: int, start: float, end: float, until: float) -> Iterator[Window]:
        faces = tracks[number].faces
        inside = [each for each in faces if start - _TINY <= each.time < until - _TINY]
        window = Window(number, start, end, inside)
        if len(window.samples) * step >= _MIN_COVERAGE * (end - start):
            yield window

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
            crop_here = None
            if time >= track.next_sample - _TINY:
                # After a gap the steps begin anew.
                late = time >= track.next_sample + step
                track.next_sample = (time if late else track.next_sample) + step
                crop_here = crop(frame.image, face)
            # Of the next window, or of one that ends here.
            keep = min(track.next_start, time - length) - _TINY
            track.faces = [each for each in track.faces if each.time >= keep]
            track.faces.append(FaceSample(frame.number, time, face, crop_here))
    yield from end_tracks(np.inf)
