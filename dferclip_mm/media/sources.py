"""Timed frames from whatever shows people: a video, a folder of images, an array, a camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .camera import read_camera
from .images import IMAGE_SUFFIXES, list_frames, read_image
from .timed_frames import TimedFrame, read_timed_frames
from .video_files import VIDEO_SUFFIXES


def list_videos(folder: str | Path) -> list[str]:
    """The videos in a folder, by name; none for a file."""
    found = sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []
    return [str(path) for path in found if path.suffix.lower() in VIDEO_SUFFIXES]


def read_source(
    source: str | Path | np.ndarray | int,
    *,
    frame_rate: float = 25.0,
    start: float = 0.0,
    end: float = float('inf'),
) -> Iterator[TimedFrame]:
    """The frames of one source, in memory one after the other.

    Args:
        source: a video; a folder of images or frames (T, H, W, 3), uint8 RGB, of ``frame_rate``;
            or the number of a camera, whose time begins now.
        start, end: of the part that is wanted, in seconds.

    Raises:
        ValueError: when it is no video, has no frame in that part, or is damaged, after the frames
            before.
        OSError: when it cannot be read.
    """
    frames: Iterator[TimedFrame]
    if isinstance(source, np.ndarray):
        frames = (TimedFrame(n, n / frame_rate, image) for n, image in enumerate(source))
    elif isinstance(source, int):
        begun = time.monotonic()
        frames = read_camera(source, lambda: time.monotonic() - begun)
    elif Path(source).is_dir():
        paths = enumerate(list_frames(str(source)))
        frames = (TimedFrame(n, n / frame_rate, read_image(path)) for n, path in paths)
    elif str(source).lower().endswith(IMAGE_SUFFIXES):
        raise ValueError('expected a video, found a picture, which has no motion')
    else:
        frames = read_timed_frames(str(source), start=start, end=end)
    empty = True
    for frame in frames:
        if frame.time >= end:
            break
        if frame.time >= start:
            empty = False
            yield frame
    if empty:
        after = f' after {start:g} seconds' if start else ''
        raise ValueError(f'expected frames{after}, found none')
