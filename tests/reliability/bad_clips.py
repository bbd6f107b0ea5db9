"""Clips that are damaged, hostile or unusual: how to write each, and what may come of it."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

# An error; the right frames; an error or frames with wrong pixels.
REFUSED, READ, DAMAGED = 'refused', 'read', 'damaged'
SIZE = (48, 64)


class Case(NamedTuple):
    """``distinct``: how many different frames eight sampled ones must show where it is read."""

    write: Callable[[Path], object]
    outcome: str = REFUSED
    distinct: int = 8


def grey(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A frame that differs from its neighbours after any codec."""
    frame = np.full((*size, 3), 10 * number % 250, np.uint8)
    frame[: size[0] // 2, : size[1] // 2] = 255 - 10 * number % 250
    return frame


def encode(
    form: str, codec: str, frames: int = 24, size: tuple[int, int] = SIZE, **options: str
) -> bytes:
    """A video of grey frames."""
    # faststart goes over the file a second time, by its name.
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    with file, av.open(file.name, 'w', format=form, options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        stream.codec_context.thread_count = 1
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(grey(number, size), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        container.close()
        return Path(file.name).read_bytes()


MP4 = encode('mp4', 'mpeg4')
FAST = encode('mp4', 'mpeg4', movflags='faststart')
AVI, MKV = encode('avi', 'mjpeg'), encode('matroska', 'libx264')
TS = encode('mpegts', 'mpeg2video')


def file_of(content: bytes | str, name: str = 'clip.mp4') -> Callable[[Path], object]:
    """Writes a file with this content."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def cut(data: bytes, share: float) -> bytes:
    """The beginning of the data."""
    return data[: int(len(data) * share)]


def patched(data: bytes, mark: bytes, *values: tuple[int, bytes]) -> bytes:
    """The data with bytes put at distances behind the last occurrence of a mark."""
    changed = bytearray(data)
    start = data.rindex(mark)
    for distance, value in values:
        changed[start + distance : start + distance + len(value)] = value
    return bytes(changed)


def flipped(data: bytes, share: float = 0.02) -> bytes:
    """The data with some flipped bits, but for the first and last tenth."""
    changed = np.frombuffer(data, np.uint8).copy()
    rng = np.random.default_rng(0)
    where = rng.integers(len(data) // 10, len(data) * 9 // 10, int(len(data) * share))
    changed[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
    return changed.tobytes()


def image(suffix: str = '.jpg', number: int = 3, size: tuple[int, int] = SIZE) -> bytes:
    """An encoded grey frame."""
    return cv2.imencode(suffix, grey(number, size))[1].tobytes()


def huge_png(side: int) -> bytes:
    """A PNG of side x side pixels by its header, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack('>I', zlib.crc32(kind + data))
        return struct.pack('>I', len(data)) + kind + data + checksum

    rows = zlib.compress(bytes(1 << 16))
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


NOISE = flipped(bytes(5000), 1)
WIDE = struct.pack('>HH', 60000, 60000)
HUGE_AVI = patched(
    patched(AVI, b'avih', (40, struct.pack('<II', 60000, 60000))),
    b'strf',
    (12, struct.pack('<ii', 60000, 60000)),
)
# Here the header of each picture says so too.
HUGE_FRAMES = b'\xff\xc0\0\x11\x08'.join(
    part if number == 0 else WIDE + part[4:]
    for number, part in enumerate(HUGE_AVI.split(b'\xff\xc0\0\x11\x08'))
)
MANY_FRAMES = patched(FAST, b'stsz', (12, struct.pack('>I', 240)))
HALF_ZERO = FAST[: len(FAST) // 2] + bytes(len(FAST) - len(FAST) // 2)

VIDEOS = {
    'empty': Case(file_of(b'')),
    'text': Case(file_of('hello\n')),
    'picture': Case(file_of(image())),
    'only a box': Case(file_of(b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom')),
    'MPEG mark and noise': Case(file_of(b'\0\0\1\xba' + NOISE, 'clip.mpg')),
    'mp4 without its end': Case(file_of(cut(MP4, 0.6))),
    'mp4 cut at 95 %': Case(file_of(cut(FAST, 0.95))),
    'Matroska cut at 50 %': Case(file_of(cut(MKV, 0.5), 'clip.mkv')),
    'frames of 60000 x 60000': Case(file_of(HUGE_FRAMES, 'clip.avi')),
    'frames of 18 megapixels': Case(file_of(encode('avi', 'mjpeg', 2, (4300, 4300)), 'clip.avi')),
    'mp4 that declares 240 frames': Case(file_of(MANY_FRAMES), READ),
    'Matroska with the name of an mp4': Case(file_of(MKV), READ),
    'one frame': Case(file_of(encode('mp4', 'mpeg4', 1)), READ, 1),
    'tiny frames': Case(file_of(encode('avi', 'mjpeg', 9, (2, 2)), 'clip.avi'), READ, 1),
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
            content = odd.get(f'n{number}', image(suffix, number - 1))
            if content is not None:
                (folder / 'clip' / f'{number}{suffix}').write_bytes(content)

    return write


def other_files(folder: Path) -> None:
    """Writes a folder of files that are no frames."""
    (folder / 'clip').mkdir(exist_ok=True)
    for name in ('Thumbs.db', '.DS_Store', '._1.jpg', 'notes.txt'):
        (folder / 'clip' / name).write_bytes(b'x')
    (folder / 'clip/9.jpg').mkdir()


def frames_and_others(folder: Path) -> None:
    """Writes frames among other files, and a link to nothing."""
    frames()(folder)
    other_files(folder)
    (folder / 'clip/5.png').symlink_to('gone.png')


FOLDERS = {
    'empty folder': Case(frames(0)),
    'only other files': Case(other_files),
    'empty frame': Case(frames(n3=b'')),
    'half a frame': Case(frames(n3=image()[: len(image()) // 2])),
    'text as a frame': Case(frames(n3=b'hello')),
    'a frame of 30000 x 30000': Case(frames(suffix='.png', n3=huge_png(30000))),
    'a frame of another size': Case(frames(n3=image(number=2, size=(20, 30))), READ),
    'fewer frames than listed': Case(frames(5), READ, 5),
    'other files among frames': Case(frames_and_others, READ),
    'a frame left out': Case(frames(9, n4=None), READ),
}
CASES = VIDEOS | FOLDERS


def write_corpus(root: Path) -> None:
    """Each case as a clip below ``root/clips``, and ``root/list.txt`` with one line for each."""
    lines = []
    for number, case in enumerate(CASES.values(), 1):
        folder = root / f'clips/{number}'
        folder.mkdir(parents=True)
        case.write(folder)
        (clip,) = folder.iterdir()
        lines.append(f'{number}/{clip.name} 8 {number % 7}')
    (root / 'list.txt').write_text('\n'.join(lines))
