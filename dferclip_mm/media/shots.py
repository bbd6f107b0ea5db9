"""Where a video cuts from one view to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .timed_frames import TimedFrame

# Thumbnails of two shots differ by this many grey levels, and by this share of their histograms.
_LEVELS, _SHARE = 15.0, 0.3


def count_shots(frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
    """The same frames, each with the number of its shot."""
    shot, before, shape = 0, None, None
    for frame in frames:
        step = max(1, min(frame.image.shape[:2]) // 45)
        # A copy, so that no large frame is held.
        thumbnail = frame.image[::step, ::step].copy()
        resized = frame.image.shape != shape
        shot += before is not None and (resized or is_cut(before, thumbnail))
        before, shape = thumbnail, frame.image.shape
        yield frame._replace(shot=shot)


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether there is a cut between two successive frames, from their thumbnails (h, w, 3).

    Motion changes pixels and leaves the colours; a flicker of the light moves colours across the
    borders of the histogram's bins and changes pixels little. A cut does both.
    """
    levels = np.abs(before.astype(int) - after).mean()
    bins = [(image >> 5).astype(int) @ (64, 8, 1) for image in (before, after)]
    counts = [np.bincount(each.ravel(), minlength=512) for each in bins]
    share = np.abs(counts[0] - counts[1]).sum() / 2 / bins[0].size
    return bool(levels > _LEVELS and share > _SHARE)
