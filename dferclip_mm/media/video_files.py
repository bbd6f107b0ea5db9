"""Which files are videos: by their suffix, and by their first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .packed import is_packed

_NAMES = 'mp4 m4v mov qt 3gp 3g2 avi divx mkv webm mpg mpeg vob ts mts m2ts flv f4v wmv asf ogv'
VIDEO_SUFFIXES = frozenset('.' + name for name in _NAMES.split())
_BOXES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide')
_STARTS = (
    b'\x1a\x45\xdf\xa3',  # Matroska, WebM
    b'\x00\x00\x01',  # MPEG program and elementary streams
    b'FLV\x01',
    b'\x30\x26\xb2\x75\x8e\x66\xcf\x11',  # ASF, WMV
    b'OggS',
)
# Text anywhere in the head that makes FFmpeg open other files or addresses.
_PLAYLISTS = (b'#EXTM3U', b'ffconcat', b'<MPD ', b'c=IN IP')
_LOWER_PLAYLISTS = tuple(text.strip().lower() for text in _PLAYLISTS)
_HEAD_BYTES = 1 << 16
# FFmpeg reads this much of a text before it decides on its format.
_TEXT_BYTES = 1 << 20
# The length of a transport stream's packets, and where their mark stands: in the second, of
# camcorders and Blu-ray, it follows a time stamp.
_PACKETS = ((188, 0), (192, 4))


def is_video(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a video container by its magic bytes.

    The name does not count: a playlist or text with a video's name would make FFmpeg read other
    files and open connections.
    """
    # FFmpeg looks for some of them in any case, but only before the first NUL.
    text = head.split(b'\0', 1)[0].lower()
    if any(sign in head for sign in _PLAYLISTS) or any(sign in text for sign in _LOWER_PLAYLISTS):
        return False
    transport = any(head[start::length][:3] == b'GGG' for length, start in _PACKETS)
    avi = head[:4] == b'RIFF' and head[8:12] == b'AVI '
    return head[4:8] in _BOXES or avi or transport or head.startswith(_STARTS)


def check_head(path: str) -> None:
    """Check the first bytes of a video file, before any decoder sees the file.

    Raises:
        ValueError: if it is empty, not a regular file, or not a video container.
        OSError: if it cannot be read.
    """
    # A decoder would wait forever for a named pipe.
    mode = os.stat(path).st_mode  # noqa: PTH116  half the time of Path's
    if not stat.S_ISREG(mode):
        found = 'folder' if stat.S_ISDIR(mode) else 'pipe or device'
        raise ValueError(f'expected a video file, found a {found}')
    with open(path, 'rb', buffering=0) as file:  # noqa: PTH123  half the time of Path's
        head = file.read(_HEAD_BYTES)
        if b'\0' not in head:
            head += file.read(_TEXT_BYTES - _HEAD_BYTES)
    if not head:
        raise ValueError('expected a video, found an empty file')
    if not is_video(head):
        raise ValueError('expected a video container, found other content')


def check_clip(path: str) -> None:
    """Check that a clip is a folder, a packed clip or a video, before any decoder sees it.

    FFmpeg opens the files and addresses that a playlist names, and MMAction2's decoders give it
    any file. Raises as `check_head`.
    """
    if not (Path(path).is_dir() or is_packed(path)):
        check_head(path)
