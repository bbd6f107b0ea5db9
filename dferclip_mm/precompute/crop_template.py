"""How a dataset's faces are cropped, measured once for all videos to come."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..faces.crop import CropTemplate
from ..faces.detectors import FaceFinder
from ..media.timed_frames import TimedFrame


def measure_template(frames: Iterable[TimedFrame], find: FaceFinder) -> CropTemplate:
    """Measure the crops of a dataset from frames of many clips; a frame's largest face counts.

    ValueError where no frame has a face.
    """
    found, sides, total = [], [], 0
    for frame in frames:
        total += 1
        faces, size = find(frame), frame.image.shape[1::-1]
        if len(faces.scores):
            largest = np.prod(faces.boxes[:, 2:] - faces.boxes[:, :2], axis=1).argmax()
            corners = faces.boxes[largest].reshape(2, 2)
            found.append(np.concatenate([faces.landmarks[largest], corners]) / size)
            sides.append(min(size))
    if not found:
        raise ValueError(f'expected faces, found none in any of {total} frames')
    low, median, high = np.quantile(found, (0.16, 0.5, 0.84), axis=0).round(5)
    return CropTemplate(
        landmarks=median[:5].tolist(),
        box=median[5:].ravel().tolist(),
        size=round(np.median(sides)),
        spread=((high - low)[:5] / 2).round(5).tolist(),
        frames=len(found),
        without_face=total - len(found),
    )
