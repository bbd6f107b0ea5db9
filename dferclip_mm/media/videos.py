"""Video files: what is let near a decoder, and the exact frames of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

VIDEO_SUFFIXES = frozenset(
    '.' + name
    for name in 'mp4 m4v mov 3gp avi mkv webm mpg mpeg ts flv wmv asf ogv'.split()  # noqa: SIM905
)
_BOXES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide')
_STARTS = (
    b'\x1a\x45\xdf\xa3',  # Matroska, WebM
    b'\x00\x00\x01',  # MPEG program and elementary streams
    b'FLV\x01',
    b'\x30\x26\xb2\x75\x8e\x66\xcf\x11',  # ASF, WMV
    b'OggS',
)
# Text that makes FFmpeg open other files or addresses, wherever in the head it stands.
_PLAYLISTS = (b'#EXTM3U', b'ffconcat', b'<MPD ', b'c=IN IP')
_LOWER_PLAYLISTS = tuple(text.strip().lower() for text in _PLAYLISTS)
_HEAD_BYTES = 1 << 16
# As much as FFmpeg looks at before it takes a text for what it is.
_TEXT_BYTES = 1 << 20
_PACKET = 188
# A video up to this size is read once, for counting and decoding.
_KEPT_BYTES = 8 << 20
# The same for FFmpeg itself: this file alone, and no format that names others.
FFMPEG_OPTIONS = {
    'protocol_whitelist': 'file',
    # FFmpeg's own defaults, by which a movie's tracks do not lie elsewhere.
    'enable_drefs': '0',
    'use_absolute_path': '0',
    'format_whitelist': (
        'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ogg'
    ),
}


def is_video(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a video container by its magic bytes.

    A playlist or a text in a video's name would make the decoder's FFmpeg read other files and
    open connections, so that names prove nothing.
    """
    # FFmpeg looks for some of them in any case, but only before the first NUL.
    text = head.split(b'\0', 1)[0].lower()
    if any(sign in head for sign in _PLAYLISTS) or any(sign in text for sign in _LOWER_PLAYLISTS):
        return False
    transport = head[: 2 * _PACKET + 1 : _PACKET] == b'G' * 3
    avi = head[:4] == b'RIFF' and head[8:12] == b'AVI '
    return head[4:8] in _BOXES or avi or transport or head.startswith(_STARTS)


def read_head(path: str) -> bytes:
    """The first bytes of a video file, seen before any decoder sees the file.

    Raises:
        ValueError: when it is empty or no video container.
        OSError: when it cannot be read.
    """
    with open(path, 'rb', buffering=0) as file:  # noqa: PTH123  half the time of Path's
        head = file.read(_HEAD_BYTES)
        if b'\0' not in head:
            head += file.read(_TEXT_BYTES - _HEAD_BYTES)
    if not head:
        raise ValueError('expected a video, found an empty file')
    if not is_video(head):
        raise ValueError('expected a video container, found other content')
    return head


class Video:
    """The frames of a video's best picture stream, decoded in one thread from the first on.

    FFmpeg counts for ``len``: the packets that give a picture, or, where packets are damaged or
    their number is not the header's, the pictures that decode. Frames are numbered as shown, so
    that B frames and varying frame rates change nothing. Where each packet says when its picture
    is shown, pictures between the wanted ones that no other needs are not decoded. What is held is
    the current frame, and of a small file its packets.

    Args:
        path: of the file.
        max_pixels: the most that a frame may have.

    Raises:
        ValueError: when it does not open, has no picture stream, or frames that are too large.
    """

    def __init__(self, path: str, max_pixels: int) -> None:
        self._path, self._max_pixels = path, max_pixels
        self._reformatter = VideoReformatter()
        self._frames: Iterator[Any] = iter(())
        self._packets: list[Any] = []
        # When each frame is shown, in order; empty where frames have to be counted.
        self._times: list[int] = []
        self._wanted: int | None = None
        self._seen: set[int | None] = set()
        self._open()
        try:
            shown, hidden, sound = self._count_packets()
            # A header counts what an edit list hides too.
            self.declared = max(0, self._stream.frames - hidden)
            sound = sound and self.declared in (0, shown)
            self._total = shown if sound else self._count_frames()
            self._rewind()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self._total

    def read(self, index: int, buffer: np.ndarray | None = None) -> np.ndarray:
        """Frame ``index``, uint8 RGB (H, W, 3), turned as its file says; indices must rise.

        Raises:
            ValueError: when it is out of range or does not decode.
        """
        if not self._next <= index < self._total:
            raise ValueError(
                f'expected frames from {self._next} to {self._total - 1}, found frame {index}'
            )
        frame = self._find(index)
        try:
            while self._next <= index:
                self._next += 1
                frame = next(self._frames)
        except StopIteration:
            raise ValueError(
                f'expected {self._total} frames, found the end after {self._next - 1}'
            ) from None
        except av.FFmpegError as error:
            raise ValueError(f'frame {self._next - 1} does not decode: {_brief(error)}') from error
        return self._pixels(frame)

    def describe_loss(self) -> str:
        """What the header declares and the file does not hold; empty when nothing is missing."""
        # Headers are sometimes off by a frame or two in a long video.
        if len(self) < self.declared - self.declared // 50:
            return (
                f'its header declares {self.declared} frames, and {len(self)} of them can be read'
            )
        declared = (self._container.duration or 0) / av.time_base
        # Sound may be longer than the pictures.
        if not self.declared and self._seconds < 0.9 * declared - 0.1:
            return f'its header declares {declared:.1f} seconds, and it holds {self._seconds:.1f}'
        return ''

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        self._packets.clear()
        self._container.close()

    def _open(self) -> None:
        try:
            self._container = av.open(self._path, options=FFMPEG_OPTIONS, metadata_errors='replace')
        except (av.FFmpegError, UnicodeError) as error:
            raise ValueError(
                f'expected a video, found one that does not open: {_brief(error)}'
            ) from error
        try:
            self._stream = self._checked_stream()
            self._frames = self._decode(self._container.demux(self._stream))
            self._next = 0
        except BaseException:
            self._container.close()
            raise

    def _checked_stream(self) -> Any:
        stream = self._container.streams.best('video')
        if stream is None or stream.codec_context is None:
            raise ValueError('expected a video, found one without a picture stream')
        context: Any = stream.codec_context
        if context.width * context.height > self._max_pixels:
            raise ValueError(
                f'expected frames of at most {self._max_pixels} pixels, found {context.width} x '
                f'{context.height}: scale the video down or raise max_pixels'
            )
        # A worker is one of many, and threads do not survive a fork.
        context.thread_type, context.thread_count = 'NONE', 1
        # What the pictures themselves declare may be larger than what the container does.
        context.options = {'max_pixels': str(self._max_pixels)}
        return stream

    def _count_packets(self) -> tuple[int, int, bool]:
        """How many packets give a picture that is shown or hidden, and whether all are in order."""
        shown, hidden, size, sound, end = 0, 0, 0, True, 0
        times = set()
        try:
            for packet in self._container.demux(self._stream):
                size += packet.size
                # The last one is empty, and makes the decoder give what it holds back.
                if size <= _KEPT_BYTES:
                    self._packets.append(packet)
                if packet.size:
                    first = shown + hidden == 0
                    sound = sound and not packet.is_corrupt and (packet.is_keyframe or not first)
                    hidden += packet.is_discard
                    shown += not packet.is_discard
                    if packet.pts is not None:
                        end = max(end, packet.pts + (packet.duration or 0))
                        if not packet.is_discard:
                            times.add(packet.pts)
        except av.FFmpegError:
            sound = False
        if size > _KEPT_BYTES or not sound:
            self._packets.clear()
        start = (self._container.start_time or 0) / av.time_base
        self._seconds = float(end * self._stream.time_base) - start
        if sound and len(times) == shown:
            self._times = sorted(times)
        return shown, hidden, sound

    def _count_frames(self) -> int:
        self._times = []
        self._rewind()
        total = 0
        try:
            for frame in self._frames:
                if frame.is_corrupt:
                    break
                total += 1
        except av.FFmpegError:
            pass
        self._packets.clear()
        return total

    def _rewind(self) -> None:
        """Begin with the first frame: from the packets that were kept, or in a file opened anew."""
        if self._packets:
            self._frames = self._decode(self._packets)
        else:
            self._container.close()
            self._open()

    def _find(self, index: int) -> Any:
        """Frame ``index`` by its time; None, at the video's beginning, where that leads nowhere."""
        if not self._times:
            return None
        self._wanted = self._times[index]
        try:
            for frame in self._frames:
                if frame.pts is None or frame.pts > self._wanted:
                    break
                if frame.pts == self._wanted:
                    if not self._seen.issuperset(self._times[self._next : index]):
                        break  # Shown before a picture that is said to be shown earlier.
                    self._next = index + 1
                    return frame
        except av.FFmpegError:
            pass
        # The packets' times are not the pictures': these are counted, and say what is wrong.
        self._times, self._wanted = [], None
        self._packets.clear()
        self._rewind()
        return None

    def _decode(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Pictures as they are shown, but for those before the wanted one that no other needs."""
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

    def _pixels(self, frame: Any) -> np.ndarray:
        if frame.is_corrupt:
            raise ValueError(f'frame {self._next - 1} is damaged')
        # By default PyAV converts each frame in a pool of threads.
        image = self._reformatter.reformat(frame, format='rgb24', threads=1).to_ndarray()
        return np.rot90(image, frame.rotation // 90 % 4) if frame.rotation else image


def open_video(path: str, max_pixels: int) -> Video:
    """A video with at least one frame.

    Raises:
        ValueError: when the file is no video, is damaged, or its frames are too large.
        OSError: when the file cannot be read.
    """
    read_head(path)
    video = Video(path, max_pixels)
    if not len(video):
        video.close()
        raise ValueError('expected a video, found one without frames')
    short = video.describe_loss()
    if short:
        video.close()
        raise ValueError(f'{short}: it is cut short or damaged')
    return video


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
