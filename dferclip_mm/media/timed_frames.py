"""A video's frames one after the other, each with the time at which it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .images import MAX_PIXELS
from .streams import check_duration, declared_duration, first_line, open_stream, to_rgb
from .video_files import check_head


class TimedFrame(NamedTuple):
    """One frame of a video.

    Attributes:
        number: in display order, from 0.
        time: in seconds from the video's beginning, as a player counts.
        image: uint8 RGB (H, W, 3), upright.
        shot: number of cuts before it, see `count_shots`.
    """

    number: int
    time: float
    image: np.ndarray
    shot: int = 0


def read_timed_frames(
    path: str, *, start: float = 0.0, end: float = float('inf')
) -> Iterator[TimedFrame]:
    """Decode a video from its first frame on, in memory for one frame.

    Times are the container's, so they are right for a variable frame rate; where a frame has none,
    the stream's average rate continues from the frame before.

    Args:
        path: of the file.
        start: of the part that is wanted, in seconds. Frames before it are decoded, not converted.
        end: of that part; the frame at this time is not in it.

    Raises:
        ValueError: if it is not a video, has no frame, is damaged, or ends before the time that
            its header declares; in the last two cases after the frames that are there.
        OSError: if it cannot be read.
    """
    check_head(path)
    container, stream = open_stream(path, MAX_PIXELS)
    reformatter = VideoReformatter()
    number, time = 0, 0.0
    try:
        step = 1 / float(stream.average_rate or 25)
        first = (container.start_time or 0) / av.time_base
        for frame in _decode(container, stream):
            if frame is None or frame.is_corrupt:
                raise ValueError(f'frame {number} is damaged')
            if frame.pts is not None:
                time = float(frame.pts * frame.time_base) - first
            if time >= end:
                break
            if time >= start:
                yield TimedFrame(number, time, to_rgb(frame, reformatter))
            number, time = number + 1, time + step
        else:
            check_duration(time, container, stream)
    except av.FFmpegError as error:
        raise ValueError(f'frame {number} does not decode: {first_line(error)}') from error
    finally:
        container.close()
    if not number:
        raise ValueError('expected a video, found one without frames')


def until_damage(frames: Iterable[TimedFrame], problems: list[Exception]) -> Iterator[TimedFrame]:
    """The frames before a damage, which is noted."""
    try:
        yield from frames
    except (ValueError, OSError) as error:
        problems.append(error)


def read_duration(path: str) -> float:
    """Seconds that a video lasts, as its header says; 0 where it does not.

    Raises:
        ValueError: if it is not a video.
        OSError: if it cannot be read.
    """
    check_head(path)
    container, stream = open_stream(path, MAX_PIXELS)
    with container:
        return declared_duration(container, stream)


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """The frames; None where a packet is cut, of which a decoder makes something."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            yield None
        yield from packet.decode()
