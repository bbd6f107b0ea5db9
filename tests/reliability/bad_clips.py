"""Clips that are damaged, hostile or unusual: how to write each, and what may come of it."""

from __future__ import annotations

import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from drawn_videos import picture, write

# An error; the right frames; an error or frames with wrong pixels.
REFUSED, READ, DAMAGED = 'refused', 'read', 'damaged'


class Case(NamedTuple):
    """``distinct``: how many different frames eight sampled ones must show where it is read."""

    write: Callable[[Path], object]
    outcome: str = REFUSED
    distinct: int = 8


def encode(suffix: str, codec: str, frames: int = 24, **options: Any) -> bytes:
    """A video of frames that show their numbers."""
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / f'a{suffix}', frames, codec=codec, **options).read_bytes()


MP4 = encode('.mp4', 'mpeg4')
FAST = encode('.mp4', 'mpeg4', muxer={'movflags': 'faststart'})
AVI = encode('.avi', 'mjpeg', pixels='yuvj420p')
MKV, TS = encode('.mkv', 'libx264'), encode('.ts', 'mpeg2video')


def file_of(content: bytes, name: str = 'clip.mp4') -> Callable[[Path], object]:
    """Writes a file with this content."""
    return lambda folder: (folder / name).write_bytes(content)


def cut(data: bytes, share: float) -> bytes:
    """The beginning of the data."""
    return data[: int(len(data) * share)]


def patched(data: bytes, mark: bytes, distance: int, value: bytes) -> bytes:
    """The data with bytes put at a distance behind the last occurrence of a mark."""
    start = data.rindex(mark) + distance
    return data[:start] + value + data[start + len(value) :]


def flipped(data: bytes, share: float = 0.02) -> bytes:
    """The data with some flipped bits, but for the first and last tenth."""
    changed = np.frombuffer(data, np.uint8).copy()
    rng = np.random.default_rng(0)
    where = rng.integers(len(data) // 10, len(data) * 9 // 10, int(len(data) * share))
    changed[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
    return changed.tobytes()


def image(number: int = 3, suffix: str = '.jpg', size: tuple[int, int] = (48, 64)) -> bytes:
    """An encoded frame."""
    return cv2.imencode(suffix, picture(number, size))[1].tobytes()


def huge_png(side: int) -> bytes:
    """A PNG of side x side pixels by its header, in a few bytes."""
    content = b'\x89PNG\r\n\x1a\n'
    header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    for kind, data in ((b'IHDR', header), (b'IDAT', zlib.compress(bytes(1 << 16))), (b'IEND', b'')):
        checksum = struct.pack('>I', zlib.crc32(kind + data))
        content += struct.pack('>I', len(data)) + kind + data + checksum
    return content


# The container's two headers say so, and that of each picture.
HUGE = patched(
    patched(AVI, b'avih', 40, struct.pack('<II', 60000, 60000)),
    b'strf',
    12,
    struct.pack('<II', 60000, 60000),
)
HUGE = re.sub(rb'(?s)(\xff\xc0\0\x11\x08)....', rb'\g<1>' + struct.pack('>HH', 60000, 60000), HUGE)
LARGE = encode('.avi', 'mjpeg', 2, size=(4300, 4300), pixels='yuvj420p')
MANY_FRAMES = patched(FAST, b'stsz', 12, struct.pack('>I', 240))
HALF_ZERO = FAST[: len(FAST) // 2] + bytes(len(FAST) - len(FAST) // 2)
VIDEOS = {
    'empty': Case(file_of(b'')),
    'text': Case(file_of(b'hello\n')),
    'picture': Case(file_of(image())),
    'only a box': Case(file_of(b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom')),
    'MPEG mark and noise': Case(file_of(b'\0\0\1\xba' + flipped(bytes(5000), 1), 'clip.mpg')),
    'mp4 without its end': Case(file_of(cut(MP4, 0.6))),
    'mp4 cut at 95 %': Case(file_of(cut(FAST, 0.95))),
    'Matroska cut at 50 %': Case(file_of(cut(MKV, 0.5), 'clip.mkv')),
    'frames of 60000 x 60000': Case(file_of(HUGE, 'clip.avi')),
    'frames of 18 megapixels': Case(file_of(LARGE, 'clip.avi')),
    'mp4 that declares 240 frames': Case(file_of(MANY_FRAMES), READ),
    'Matroska with the name of an mp4': Case(file_of(MKV), READ),
    'one frame': Case(file_of(encode('.mp4', 'mpeg4', 1)), READ, 1),
    'noise behind its end': Case(file_of(FAST + bytes(5000)), READ),
    # It declares no count: nothing distinguishes it from a shorter video.
    'transport stream cut at 60 %': Case(file_of(cut(TS, 0.6), 'clip.ts'), DAMAGED, 5),
    'flipped bits': Case(file_of(flipped(FAST)), DAMAGED, 1),
    'half of the payload zero': Case(file_of(HALF_ZERO), DAMAGED, 1),
}


def frames(count: int = 8, suffix: str = '.jpg', **odd: bytes | None) -> Callable[[Path], object]:
    """Writes a folder of frames; ``n3`` is the content of the third, None leaves it out."""

    def write(folder: Path) -> None:
        (folder / 'clip').mkdir()
        for number in range(1, count + 1):
            content = odd.get(f'n{number}', image(number - 1, suffix))
            if content is not None:
                (folder / 'clip' / f'{number}{suffix}').write_bytes(content)

    return write


def among_others(count: int) -> Callable[[Path], object]:
    """Writes frames among files that are none, a folder and a link to nothing."""

    def write(folder: Path) -> None:
        frames(count)(folder)
        for name in ('Thumbs.db', '.DS_Store', '._1.jpg', 'notes.txt'):
            (folder / 'clip' / name).write_bytes(b'x')
        (folder / 'clip/9.jpg').mkdir()
        (folder / 'clip/5.png').symlink_to('gone.png')

    return write


FOLDERS = {
    'empty folder': Case(frames(0)),
    'only other files': Case(among_others(0)),
    'empty frame': Case(frames(n3=b'')),
    'half a frame': Case(frames(n3=cut(image(), 0.5))),
    'text as a frame': Case(frames(n3=b'hello')),
    'a frame of 30000 x 30000': Case(frames(suffix='.png', n3=huge_png(30000))),
    'a frame of another size': Case(frames(n3=image(2, size=(20, 30))), READ),
    'fewer frames than listed': Case(frames(5), READ, 5),
    'other files among frames': Case(among_others(8), READ),
    'a frame left out': Case(frames(9, n4=None), READ),
}
CASES = VIDEOS | FOLDERS
