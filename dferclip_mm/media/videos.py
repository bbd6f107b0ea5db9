"""The exact frames of a video file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .streams import check_duration, first_line, open_stream, to_rgb
from .video_files import check_head

# A video up to this size is read once, for counting and decoding.
_KEPT_BYTES = 8 << 20


class Video:
    """The frames of a video's best video stream, or of a part of it, decoded in one thread.

    ``len`` is the number of packets that give a frame. Where they are damaged, have no time stamps,
    or are not as many as the header says, it is the number of frames that decode. Frames are
    numbered in display order, so B frames and variable frame rates change nothing. Unneeded frames
    that no other frame refers to are not decoded. In memory are the current frame and, where they
    are small, the packets.

    Args:
        path: of the file.
        max_pixels: the most that a frame may have.
        span: of a part, in seconds from the video's beginning, as a player counts: its first time,
            and the time before which it ends. It is decoded from a keyframe near.

    Raises:
        ValueError: if the file is not a video, has no frame, is damaged or cut short, or its frames
            are too large; or if a part has no time stamps, or no frame.
        OSError: if the file cannot be read.
    """

    def __init__(self, path: str, max_pixels: int, span: tuple[float, float] | None = None) -> None:
        check_head(path)
        self._path, self._max_pixels = path, max_pixels
        self._reformatter = VideoReformatter()
        self._frames: Iterator[Any] = iter(())
        self._container, self._stream = open_stream(path, max_pixels)
        begun = (self._container.start_time or 0) / av.time_base
        unit = self._stream.time_base
        # In the stream's own ticks, so that 0.16 finds the frame at 0.16.
        self._span = span and [round((time + begun) / unit) for time in span]
        # When each frame is shown, in order; empty where frames have to be counted.
        self._times: list[int] = []
        self._wanted: int | None = None
        self._seen: set[int | None] = set()
        self.declared = self._last = 0
        try:
            packets = self._list_packets()
            if span and not self._times:
                start, end = span
                raise ValueError(
                    f'expected frames from {start:g} to {end:g} seconds, found none: name a part '
                    'within the video, or re-encode it where its time stamps are missing'
                )
            self._total = len(self._times) or self._count_frames()
            if not span:
                self._check_length()
            self._rewind(packets)
        except av.FFmpegError as error:
            self.close()
            raise ValueError(f'it does not decode: {first_line(error)}') from error
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self._total

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index``, uint8 RGB (H, W, 3), as its display matrix shows it; indices must rise.

        Raises:
            ValueError: if it is out of range, does not decode, or has a display matrix that is
                neither quarter turns nor mirroring.
        """
        if not self._next <= index < self._total:
            raise ValueError(
                f'expected frames from {self._next} to {self._total - 1}, found frame {index}'
            )
        try:
            frame = self._find(index)
            while self._next <= index:
                self._next += 1
                frame = next(self._frames, None)
        except av.FFmpegError as error:
            raise ValueError(f'frame {index} does not decode: {first_line(error)}') from error
        if frame is None or frame.is_corrupt:
            raise ValueError(f'frame {index} is damaged')
        return to_rgb(frame, self._reformatter)

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        self._container.close()

    def _demux(self) -> Iterator[Any]:
        """The packets; of a part from the last keyframe before it on, or else from the first."""
        if self._span:
            self._container.seek(self._span[0], stream=self._stream)
            packets = self._container.demux(self._stream)
            head = next(packets, None)
            # Not every container's index leads to one.
            if head is not None and head.is_keyframe and (head.pts or 0) <= self._span[0]:
                return chain([head], packets)
            self._container.seek(0, stream=self._stream)
        return self._container.demux(self._stream)

    def _list_packets(self) -> list[Any]:
        """Note when frames are shown, if all is in order; the packets, where they are small."""
        start, end = self._span or (-math.inf, math.inf)
        kept: list[Any] = []
        times: list[int | None] = []
        size, hidden, sound = 0, 0, True
        try:
            for packet in self._demux():
                # Packets come in the order of decoding: later ones are shown later than this.
                if packet.dts is not None and packet.dts >= end:
                    break
                size += packet.size
                if size <= _KEPT_BYTES:
                    kept.append(packet)
                # The last one is empty: it flushes the decoder.
                if not packet.size:
                    continue
                first = size == packet.size
                sound = sound and not packet.is_corrupt and (packet.is_keyframe or not first)
                time = packet.pts
                self._last = max(self._last, (time or 0) + (packet.duration or 0))
                if packet.is_discard:
                    hidden += 1
                elif time is None or start <= time < end:
                    times.append(time)
        except av.FFmpegError:
            sound = False
        if not self._span:
            # A header counts what an edit list hides too.
            self.declared = max(0, self._stream.frames - hidden)
            sound = sound and self.declared in (0, len(times))
        known = {time for time in times if time is not None}
        if sound and len(known) == len(times):
            self._times = sorted(known)
        return kept if self._times and not self._span and size <= _KEPT_BYTES else []

    def _check_length(self) -> None:
        if not self._total:
            raise ValueError('expected a video, found one without frames')
        # Headers are sometimes off by a frame or two in a long video.
        if self._total < self.declared - self.declared // 50:
            raise ValueError(
                f'its header declares {self.declared} frames, and {self._total} of them can be '
                'read: it is cut short or damaged'
            )
        if not self.declared:
            begun = (self._container.start_time or 0) / av.time_base
            check_duration(
                float(self._last * self._stream.time_base) - begun, self._container, self._stream
            )

    def _count_frames(self) -> int:
        self._rewind()
        total = 0
        with suppress(av.FFmpegError):
            for frame in self._frames:
                if frame.is_corrupt:
                    break
                total += 1
        return total

    def _rewind(self, packets: list[Any] | None = None) -> None:
        """Begin again with the first frame: from packets, or by opening the file."""
        if not packets:
            self._container.close()
            self._container, self._stream = open_stream(self._path, self._max_pixels)
        self._frames, self._next = self._decode(packets or self._demux()), 0

    def _find(self, index: int) -> Any:
        """Frame ``index`` by its time stamp; None, with the video rewound, if that fails."""
        if not self._times:
            return None
        self._wanted = self._times[index]
        for frame in self._frames:
            if frame.pts is None or frame.pts > self._wanted:
                break
            if frame.pts == self._wanted:
                if not self._seen.issuperset(self._times[self._next : index]):
                    break  # Displayed before a frame with an earlier time stamp.
                self._next = index + 1
                return frame
        if self._span:
            raise ValueError(f'frame {index} is damaged')
        # The packets' time stamps are not the frames': count frames instead.
        self._times, self._wanted = [], None
        self._rewind()
        return None

    def _decode(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Frames in display order, without those before the wanted one that no other needs."""
        context = self._stream.codec_context
        skipping = False
        for packet in packets:
            time, wanted = packet.pts, self._wanted
            self._seen.add(time)
            skip = time is not None and wanted is not None and time < wanted
            if skip != skipping:
                skipping = skip
                context.skip_frame = 'NONREF' if skip else 'DEFAULT'
            yield from packet.decode()
