"""Which faces are encoded: of each frame the largest, of each track one per step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..faces.track_faces import Tracked, TrackedFace
from .windows import FaceSample


def choose_faces(
    faces: list[TrackedFace], min_face: float, max_faces: int | None, counts: dict[str, Any]
) -> list[TrackedFace]:
    """The largest ``max_faces`` of a frame, in their order.

    Those less high than ``min_face`` pixels are counted as ``small``, others as ``crowded``.
    """
    heights = np.array([face.box[3] - face.box[1] for face in faces])
    large = int((heights >= min_face).sum())
    chosen = np.argsort(-heights, kind='stable')[:large][:max_faces]
    counts['small'] += len(faces) - large
    counts['crowded'] += large - len(chosen)
    return [faces[index] for index in sorted(chosen)]


def sample_faces(
    tracked: Iterable[Tracked], crop: Callable[[np.ndarray, TrackedFace], np.ndarray], step: float
) -> Iterator[FaceSample]:
    """One face per ``step`` seconds of each track, with its crop as the feature."""
    # The last sample of each track that is in view, and when its next one is due.
    held: dict[int, tuple[FaceSample, float]] = {}
    for frame, faces in tracked:
        for face in faces:
            track, due = face.track, frame.time
            if track in held:
                sample, due = held[track]
                held[track] = (sample._replace(until=frame.time), due)
                if frame.time < due - 1e-6:
                    continue
                yield held[track][0]
            place = (track, frame.number, frame.time, frame.time)
            sample = FaceSample(*place, face.box, face.score, crop(frame.image, face))
            held[track] = (sample, due + step)
        for track in [*held]:
            if held[track][0].until < frame.time - step:
                yield held.pop(track)[0]
    for sample, _ in held.values():
        yield sample


def whole_frame(image: np.ndarray) -> Any:
    """The detector for videos that are face crops: boxes, landmarks and scores."""
    height, width = image.shape[:2]
    return [(0, 0, width, height)], np.full((1, 5, 2), np.nan), [1.0]
