"""Video files: what is let near a decoder, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

_BOXES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide')
_STARTS = (
    b'\x1a\x45\xdf\xa3',  # Matroska, WebM
    b'\x00\x00\x01',  # MPEG program and elementary streams
    b'FLV\x01',
    b'\x30\x26\xb2\x75\x8e\x66\xcf\x11',  # ASF, WMV
    b'OggS',
)
# Text that makes FFmpeg open other files or addresses, wherever in the head it stands.
_PLAYLISTS = (b'#EXTM3U', b'ffconcat', b'<MPD', b'c=IN IP')
_HEAD_BYTES = 1 << 16
_PACKET = 188


def is_video(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a video container by its magic bytes.

    A playlist or a text in a video's name would make the decoder's FFmpeg read other files and
    open connections, so that names prove nothing.
    """
    if any(text in head for text in _PLAYLISTS):
        return False
    transport = head[: 2 * _PACKET + 1 : _PACKET] == b'G' * 3
    avi = head[:4] == b'RIFF' and head[8:12] == b'AVI '
    return head[4:8] in _BOXES or avi or transport or head.startswith(_STARTS)


def open_video(path: str, max_pixels: int) -> tuple[Any, int]:
    """A decord reader of a video with at least one frame, and how many its header declares.

    The reader runs in one thread and is kept nowhere else.

    Raises:
        ValueError: when the file is no video, is damaged, or its frames are too large.
        OSError: when the file cannot be read.
    """
    with Path(path).open('rb') as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise ValueError('expected a video, found an empty file')
    if not is_video(head):
        raise ValueError('expected a video container, found other content')
    width, height, declared = _read_header(path)
    if width * height > max_pixels:
        raise ValueError(
            f'expected frames of at most {max_pixels} pixels, found {width} x {height}: '
            'scale the video down or raise max_pixels'
        )
    # Imported here as in the host: whoever has frame folders needs no decord.
    import decord

    try:
        reader = decord.VideoReader(path, num_threads=1)
        frames = len(reader)
    except (decord.DECORDError, RuntimeError) as error:
        raise ValueError(
            f'expected a video, found one that does not open: {_brief(error)}'
        ) from error
    if frames < 1:
        raise ValueError('expected a video, found one without frames')
    return reader, declared


def read_video_frames(reader: Any, indices: list[int]) -> Any:
    """The frames at ``indices``, a uint8 RGB array (len(indices), H, W, 3).

    Raises:
        ValueError: when one of them cannot be decoded.
    """
    import decord

    try:
        return reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, RuntimeError, IndexError) as error:
        raise ValueError(f'frames do not decode: {_brief(error)}') from error


def _read_header(path: str) -> tuple[int, int, int]:
    # By OpenCV: decord tells a size only after decoding, when it is too late.
    asked = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    try:
        width, height, frames = (int(capture.get(number)) for number in asked)
    finally:
        capture.release()
    return width, height, frames


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
