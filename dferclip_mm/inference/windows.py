"""Sliding windows over the faces of each track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..transforms.sampling import centred_segments

# Seconds within which two times are equal.
_TINY = 1e-6


class FaceSample(NamedTuple):
    """One encoded face.

    Attributes:
        track: number of the face's track.
        frame: number of the frame.
        time: of the frame in seconds.
        until: when the face was last seen before the next sample; its own time at the earliest.
        box: (4,): left, top, right, bottom, in pixels.
        score: of the detector.
        feature: (D,), of the image encoder; without one, the crop (H, W, 3).
        crop: what the encoder has seen.
    """

    track: int
    frame: int
    time: float
    until: float
    box: np.ndarray
    score: float
    feature: np.ndarray
    crop: Any = None


class Window(NamedTuple):
    """A stretch of one track, which does not reach beyond it; times are in seconds."""

    track: int
    start: float
    end: float
    samples: list[FaceSample]

    def features(self, num_frames: int) -> np.ndarray:
        """The features (T, D) that a model sees, chosen among the faces as in its test."""
        chosen = centred_segments(len(self.samples), num_frames)
        return np.stack([self.samples[index].feature for index in chosen])


@dataclass
class _OpenTrack:
    """The samples of a track that windows to come may need."""

    begun: float
    next_start: float
    samples: list[FaceSample] = field(default_factory=list)
    answered_until: float = -np.inf


def slide_windows(
    samples: Iterable[FaceSample],
    *,
    length: float,
    stride: float,
    step: float,
    min_coverage: float = 0.5,
    min_length: float = 0.5,
    max_gap: float = 2.0,
) -> Iterator[Window]:
    """Cut the tracks of a video into windows, each as soon as it is complete; times in seconds.

    The first window of a track begins with it; if faces remain after the last one, one more window
    ends with the track. A track that is shorter than a window is one short window. Where more than
    half of a window has no face, there is none. In memory are the samples of one window per track.

    Args:
        samples: of all tracks, each in order of time; one track may be a step behind another.
        length, stride, step: of a window, to the next one, from one sample to the next one.
        min_coverage: the least share of a window's samples that have a face.
        min_length: a track that is shorter has no window.
        max_gap: a track ends when it has not been seen for longer.
    """
    tracks: dict[int, _OpenTrack] = {}

    def cut(number: int, start: float, end: float, until: float) -> Iterator[Window]:
        track = tracks[number]
        track.answered_until = end
        inside = [each for each in track.samples if start - _TINY <= each.time < until - _TINY]
        if len(inside) * step >= min_coverage * (end - start):
            yield Window(number, start, end, inside)

    def end_track(number: int) -> Iterator[Window]:
        track = tracks[number]
        end = track.samples[-1].until
        if end > track.answered_until + step / 2 and end - track.begun >= min_length:
            yield from cut(number, max(track.begun, end - length), end, np.inf)
        del tracks[number]

    for sample in samples:
        for number in [*tracks]:
            if sample.time - tracks[number].samples[-1].time > max_gap:
                yield from end_track(number)
        if sample.track not in tracks:
            tracks[sample.track] = _OpenTrack(sample.time, sample.time)
        track = tracks[sample.track]
        while sample.time >= track.next_start + length - _TINY:
            end = track.next_start + length
            yield from cut(sample.track, track.next_start, end, end)
            track.next_start += stride
        # Of the next window, or of one that ends with this sample.
        keep = min(track.next_start, sample.time - length) - _TINY
        track.samples = [each for each in track.samples if each.time >= keep]
        track.samples.append(sample)
    for number in [*tracks]:
        yield from end_track(number)
