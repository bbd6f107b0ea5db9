"""A part of a longer video as a clip: ``talk.mp4#t=12.000,15.500`` (W3C's Media Fragments)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .video_files import read_head
from .videos import first_line, open_stream, to_rgb

_SPAN = re.compile(r'(.+)#t=([0-9]+\.[0-9]{3}),([0-9]+\.[0-9]{3})', re.DOTALL)


def format_span(start: float, end: float) -> str:
    """What follows a video's path for its part from ``start`` to ``end`` seconds."""
    return f'#t={start:.3f},{end:.3f}'


def split_span(path: str) -> tuple[str, tuple[float, float] | None]:
    """The path of a file, and the seconds of the part that is meant; None for the whole."""
    found = _SPAN.fullmatch(path)
    return (found[1], (float(found[2]), float(found[3]))) if found else (path, None)


class VideoSpan:
    """The frames of a video from ``start`` on and before ``end``, decoded from a keyframe near.

    Args:
        path: of the file.
        start: in seconds from the video's beginning, as a player counts.
        end: the frame at this time is not in it.
        max_pixels: the most that a frame may have.

    Raises:
        ValueError: if it is not a video, has no time stamps, or no frame lies in the span.
        OSError: if it cannot be read.
    """

    def __init__(self, path: str, start: float, end: float, max_pixels: int) -> None:
        read_head(path)
        self._container, self._stream = open_stream(path, max_pixels)
        self._reformatter = VideoReformatter()
        self._frames: Iterator[Any] = iter(())
        first = (self._container.start_time or 0) / av.time_base
        unit = self._stream.time_base
        try:
            # In the stream's own ticks, so that 0.16 finds the frame at 0.16.
            self._start, self._end = (round((each + first) / unit) for each in (start, end))
            times = self._find_times()
            if not times:
                raise ValueError(f'expected frames from {start:g} to {end:g} seconds, found none')
        except av.FFmpegError as error:
            self.close()
            raise ValueError(f'it does not decode: {first_line(error)}') from error
        except BaseException:
            self.close()
            raise
        self._times, self._next = times, 0
        self._frames = self._decode()

    def __len__(self) -> int:
        return len(self._times)

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index`` of the span, uint8 RGB (H, W, 3); indices must rise.

        Raises:
            ValueError: if it is out of range or does not decode.
        """
        if not self._next <= index < len(self):
            raise ValueError(
                f'expected frames from {self._next} to {len(self) - 1}, found frame {index}'
            )
        self._next = index + 1
        try:
            frame = next((each for each in self._frames if each.pts == self._times[index]), None)
        except av.FFmpegError as error:
            raise ValueError(f'frame {index} does not decode: {first_line(error)}') from error
        if frame is None or frame.is_corrupt:
            raise ValueError(f'frame {index} is damaged')
        return to_rgb(frame, self._reformatter)

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        self._container.close()

    def _find_times(self) -> list[int]:
        times = set()
        for packet in self._packets():
            if packet.size and (packet.pts is None or packet.is_corrupt):
                raise ValueError('expected time stamps, found none: re-encode it, or cut it')
            # Packets come in the order of decoding: later ones are shown later than this.
            if packet.dts is not None and packet.dts >= self._end:
                break
            if packet.size and not packet.is_discard and self._start <= packet.pts < self._end:
                times.add(packet.pts)
        return sorted(times)

    def _packets(self) -> Iterator[Any]:
        """The packets from the last keyframe before the span on; from the first if need be."""
        for time in (self._start, 0):
            self._container.seek(time, stream=self._stream)
            packets = self._container.demux(self._stream)
            head = next(packets, None)
            if not time or (head is not None and head.pts is not None and head.pts <= self._start):
                break
        if head is not None:
            yield head
            yield from packets

    def _decode(self) -> Iterator[Any]:
        for packet in self._packets():
            yield from packet.decode()
