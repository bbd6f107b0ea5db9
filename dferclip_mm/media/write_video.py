"""Frames to a video, with the sound of another one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from .timed_frames import TimedFrame

# Units of time in a second, as in most video files.
_TICKS = 90_000
# Seconds of sound before the first frame, from which its decoder starts, and after the last one.
_MORE_SOUND = 0.1


def write_video(path: str, frames: Iterable[TimedFrame], sound_of: str, end: float) -> None:
    """Write frames as H.264 in MP4, at their own times, and copy the sound of a file.

    Time begins with the first frame. Sides are made even, as H.264 wants them: the last row or
    column is repeated.

    Args:
        path: the file.
        frames: of equal sizes, at least one; the time of the last is ``end``.
        sound_of: the file they are from; it may have no sound.
    """
    start = None
    with av.open(path, 'w', format='mp4') as target, av.open(sound_of) as source:
        picture = target.add_stream('libx264')
        for frame in frames:
            height, width = frame.image.shape[:2]
            image = np.pad(frame.image, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
            if start is None:
                start = frame.time
                picture.height, picture.width = image.shape[:2]
                picture.pix_fmt = 'yuv420p'
                picture.codec_context.time_base = Fraction(1, _TICKS)
                picture.options = {'crf': '20', 'preset': 'veryfast'}
                copy_sound = _sound_copier(target, source, start, end)
            drawn = av.VideoFrame.from_ndarray(image, format='rgb24')
            drawn.pts, drawn.time_base = round((frame.time - start) * _TICKS), Fraction(1, _TICKS)
            target.mux(picture.encode(drawn))
            copy_sound(frame.time)
        copy_sound(np.inf)
        target.mux(picture.encode())


def _sound_copier(target: Any, source: Any, start: float, end: float) -> Callable[[float], None]:
    """A function that copies the packets of the sound up to a time."""
    stream = source.streams.best('audio')
    if stream is None:
        return lambda time: None
    if stream.codec.name not in target.supported_codecs:
        warnings.warn(
            f'{source.name}: MP4 cannot hold its sound ({stream.codec.name}), which is left out',
            stacklevel=2,
        )
        return lambda time: None
    copy = target.add_stream_from_template(stream)
    begun = (source.start_time or 0) / av.time_base
    shift = round((begun + start) / stream.time_base)
    packets = (packet for packet in source.demux(stream) if packet.size)
    ahead = _next(packets)

    def copy_until(time: float) -> None:
        nonlocal ahead
        while ahead is not None:
            at = float(ahead.pts * ahead.time_base) - begun
            if at > min(time, end + _MORE_SOUND):
                return
            if at >= start - _MORE_SOUND:
                ahead.pts, ahead.dts, ahead.stream = ahead.pts - shift, ahead.dts - shift, copy
                target.mux(ahead)
            ahead = _next(packets)

    return copy_until


def _next(packets: Iterator[Any]) -> Any:
    """The next packet, or None: sound that is damaged ends there."""
    try:
        return next(packets, None)
    except av.FFmpegError:
        return None
