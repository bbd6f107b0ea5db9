"""Clips that are none, or nearly one: each is written by a function, and says what may come of it.

``REFUSED`` must end in a `ClipReadError`; ``READ`` must give its frames (the host's decoders may
refuse some of them, with the same error); of ``DAMAGED`` the pixels may be wrong, or it is refused.
"""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

REFUSED, READ, DAMAGED = 'refused', 'read', 'damaged'
FRAMES = 24


class Case(NamedTuple):
    """``distinct``: how many different frames eight sampled ones must show where it is read."""

    write: Callable[[Path], object]
    outcome: str = REFUSED
    distinct: int = 8


def grey(number: int, size: tuple[int, int]) -> np.ndarray:
    """A frame that is told from its neighbours after any codec."""
    frame = np.full((*size, 3), 10 * number % 250, np.uint8)
    frame[: size[0] // 2, : size[1] // 2] = 255 - 10 * number % 250
    return frame


def encode(
    form: str, codec: str, frames: int = FRAMES, size: tuple[int, int] = (48, 64), **options: str
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
H264 = encode('mp4', 'libx264', movflags='faststart')
AVI, MKV = encode('avi', 'mjpeg'), encode('matroska', 'libx264')
TS, MPG = encode('mpegts', 'mpeg2video'), encode('mpeg', 'mpeg1video')


def holding(content: bytes | str, name: str = 'clip.mp4') -> Callable[[Path], object]:
    """Writes a file with this content."""
    data = content.encode() if isinstance(content, str) else content

    def write(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return write


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def patched(data: bytes, mark: bytes, *values: tuple[int, bytes]) -> bytes:
    """The data with bytes put at distances behind the last place of a mark."""
    changed = bytearray(data)
    place = data.rindex(mark)
    for distance, value in values:
        changed[place + distance : place + distance + len(value)] = value
    return bytes(changed)


def flipped(data: bytes, share: float = 0.02) -> bytes:
    """Some bits of the payload turned over, the first and last tenth left alone."""
    changed = np.frombuffer(data, np.uint8).copy()
    rng = np.random.default_rng(0)
    where = rng.integers(len(data) // 10, len(data) * 9 // 10, int(len(data) * share))
    changed[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
    return changed.tobytes()


def audio_alone() -> bytes:
    file = io.BytesIO()
    with av.open(file, 'w', format='mp4') as container:
        stream = container.add_stream('aac', rate=16000, layout='mono')
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format='fltp', layout='mono'
        )
        frame.sample_rate = 16000
        container.mux([*stream.encode(frame), *stream.encode()])
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as packed:
        packed.writestr('clip.mp4', MP4)
    return file.getvalue()


def image(suffix: str = '.jpg', number: int = 3, size: tuple[int, int] = (48, 64)) -> bytes:
    return cv2.imencode(suffix, grey(number, size))[1].tobytes()


def huge_png(side: int) -> bytes:
    """A PNG of side x side pixels by its header, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes(1 << 16))
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


WIDE = struct.pack('>HH', 60000, 60000)
HUGE_MP4 = patched(patched(FAST, b'mp4v', (28, WIDE)), b'tkhd', (80, WIDE[:2] + b'\0\0' + WIDE[2:]))
HUGE_AVI = patched(
    patched(AVI, b'avih', (40, struct.pack('<II', 60000, 60000))),
    b'strf',
    (12, struct.pack('<ii', 60000, 60000)),
)
# Here each picture says so too: its height and width stand in its own header.
HUGE_FRAMES = b'\xff\xc0\0\x11\x08'.join(
    part if number == 0 else WIDE + part[4:]
    for number, part in enumerate(HUGE_AVI.split(b'\xff\xc0\0\x11\x08'))
)
SDP = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 26\n'
MPD = '<?xml version="1.0"?>\n<MPD profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"></MPD>\n'
HLS = '#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n'

VIDEOS = {
    'empty': Case(holding(b'')),
    'one byte': Case(holding(b'\0')),
    'text': Case(holding('hello\n')),
    'web page': Case(holding('<!DOCTYPE html><html><body>404</body></html>')),
    'noise': Case(holding(np.random.RandomState(0).bytes(9000))),
    'zeros': Case(holding(bytes(9000))),
    'picture': Case(holding(image())),
    'sound named AVI': Case(holding(b'RIFF\x24\0\0\0WAVEfmt ' + bytes(40), 'clip.avi')),
    'archive': Case(holding(archive())),
    'gzip': Case(holding(b'\x1f\x8b\x08' + bytes(60))),
    'PDF': Case(holding(b'%PDF-1.7\n' + bytes(200))),
    'pickle': Case(holding(b'\x80\x04\x95' + bytes(60))),
    'box alone': Case(holding(b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom')),
    'box and noise': Case(holding(b'\0\0\0\x18ftypmp42\0\0\0\0mp42isom' + flipped(bytes(5000), 1))),
    'Matroska mark, noise': Case(holding(b'\x1aE\xdf\xa3' + flipped(bytes(5000), 1), 'clip.mkv')),
    'AVI mark and noise': Case(holding(b'RIFF\0\0\0\0AVI ' + flipped(bytes(5000), 1), 'clip.avi')),
    'MPEG mark and noise': Case(holding(b'\0\0\1\xba' + flipped(bytes(5000), 1), 'clip.mpg')),
    'mp4 without its end': Case(holding(cut(MP4, 0.6))),
    'mp4 cut at 95 %': Case(holding(cut(FAST, 0.95))),
    'mp4 cut at 60 %': Case(holding(cut(FAST, 0.6))),
    'mp4 cut at 30 %': Case(holding(cut(FAST, 0.3))),
    'mp4 cut at 5 %': Case(holding(cut(FAST, 0.05))),
    'h264 cut at 70 %': Case(holding(cut(H264, 0.7))),
    'AVI cut at 60 %': Case(holding(cut(AVI, 0.6), 'clip.avi')),
    'AVI cut at 20 %': Case(holding(cut(AVI, 0.2), 'clip.avi')),
    'Matroska cut at 50 %': Case(holding(cut(MKV, 0.5), 'clip.mkv')),
    'mp4 of sound alone': Case(holding(audio_alone())),
    'mp4 without payload': Case(holding(FAST[: FAST.index(b'mdat') + 4])),
    # Another table counts them too.
    'mp4 that counts ten times its frames': Case(
        holding(patched(FAST, b'stsz', (12, struct.pack('>I', 240)))), READ
    ),
    'HLS playlist': Case(holding(HLS)),
    'HLS playlist behind a BOM': Case(holding('\ufeff' + HLS)),
    'ffconcat list': Case(holding("ffconcat version 1.0\nfile '/etc/passwd'\n")),
    'SDP': Case(holding(SDP)),
    'DASH': Case(holding(MPD)),
    'DASH behind a mark of Matroska': Case(holding(b'\x1aE\xdf\xa3' + MPD.lower().encode())),
    'frames of 60000 x 60000': Case(holding(HUGE_FRAMES, 'clip.avi')),
    # The container's word is not taken: the frames are of 48 x 64, and are read as that.
    'mp4 that claims 60000 x 60000': Case(holding(HUGE_MP4), READ),
    'AVI that claims 60000 x 60000': Case(holding(HUGE_AVI, 'clip.avi'), READ),
    'frames of 18 megapixels': Case(holding(encode('avi', 'mjpeg', 2, (4300, 4300)), 'clip.avi')),
    'Matroska named mp4': Case(holding(MKV), READ),
    'no suffix': Case(holding(FAST, 'clip'), READ),
    'suffix in capitals': Case(holding(FAST, 'clip.MP4'), READ),
    'one frame': Case(holding(encode('mp4', 'mpeg4', 1)), READ, 1),
    'five frames': Case(holding(encode('mp4', 'mpeg4', 5)), READ, 5),
    'tiny frames': Case(holding(encode('avi', 'mjpeg', 9, (2, 2)), 'clip.avi'), READ, 1),
    'noise behind its end': Case(holding(FAST + bytes(5000)), READ),
    'transport stream': Case(holding(TS, 'clip.ts'), READ),
    'program stream': Case(holding(MPG, 'clip.mpg'), READ),
    # It declares no count, so that nothing tells it from a shorter video.
    'transport stream cut at 60 %': Case(holding(cut(TS, 0.6), 'clip.ts'), DAMAGED, 5),
    'flipped bits': Case(holding(flipped(FAST)), DAMAGED, 1),
    'half of the payload zero': Case(
        holding(FAST[: len(FAST) // 2] + bytes(len(FAST) - len(FAST) // 2)), DAMAGED, 1
    ),
}


def frames(
    count: int = 8, suffix: str = '.jpg', first: int = 1, **odd: bytes | None
) -> Callable[[Path], object]:
    """Writes a folder of frames; a keyword ``n3`` gives the content of the third, None none."""

    def write(folder: Path) -> None:
        (folder / 'clip').mkdir()
        for number in range(count):
            content = odd.get(f'n{number + 1}', image(suffix, number))
            if content is not None:
                (folder / 'clip' / f'{number + first}{suffix}').write_bytes(content)

    return write


def with_others(folder: Path) -> None:
    frames()(folder)
    for name in ('Thumbs.db', '.DS_Store', '._1.jpg', 'notes.txt'):
        (folder / 'clip' / name).write_bytes(b'x')


def others_alone(folder: Path) -> None:
    (folder / 'clip').mkdir()
    (folder / 'clip/Thumbs.db').write_bytes(b'x')


def folders_in_folder(folder: Path) -> None:
    for number in range(8):
        (folder / 'clip' / f'{number + 1}.jpg').mkdir(parents=True)


def with_link(target: str) -> Callable[[Path], object]:
    """A folder whose fourth frame is a link."""

    def write(folder: Path) -> None:
        frames(n4=None)(folder)
        (folder.parents[2] / 'secret.jpg').write_bytes(image())
        (folder / 'clip/4.jpg').symlink_to(target)

    return write


def grey_and_alpha(folder: Path) -> None:
    (folder / 'clip').mkdir()
    for number in range(8):
        frame = grey(number, (48, 64))
        if number % 2:
            frame = np.dstack([frame, frame[..., 0]])
        cv2.imwrite(str(folder / 'clip' / f'{number}.png'), frame)


FOLDERS = {
    'empty folder': Case(frames(0)),
    'other files alone': Case(others_alone),
    'folders in the place of frames': Case(folders_in_folder),
    'empty frame': Case(frames(n3=b'')),
    'half a frame': Case(frames(n3=image()[: len(image()) // 2])),
    'text as a frame': Case(frames(n3=b'hello')),
    'noise as a frame': Case(frames(n3=np.random.RandomState(0).bytes(900))),
    'half a PNG': Case(frames(suffix='.png', n3=image('.png')[:60])),
    'a frame of 30000 x 30000': Case(frames(suffix='.png', n3=huge_png(30000))),
    'a dangling link': Case(with_link('gone.jpg'), READ, 7),
    'a link out of the root': Case(with_link('../../../../secret.jpg')),
    'a link to itself': Case(with_link('4.jpg')),
    'a frame of another size': Case(frames(n3=image(number=2, size=(20, 30))), READ),
    'fewer frames than listed': Case(frames(5), READ, 5),
    'more frames than listed': Case(frames(12), READ),
    'counted from zero': Case(frames(first=0), READ),
    'names without leading zeros': Case(frames(12), READ),
    'other files among frames': Case(with_others, READ),
    'PNG with and without alpha': Case(grey_and_alpha, READ),
    'a frame left out': Case(frames(9, n4=None), READ),
}
CASES = VIDEOS | FOLDERS


def write_corpus(root: Path) -> list[str]:
    """All cases below ``root/clips``, and ``root/list.txt`` with one line for each, in order.

    Returns:
        The cases' names: the first is on line 1.
    """
    lines = []
    for number, case in enumerate(CASES.values(), 1):
        folder = root / f'clips/{number}'
        folder.mkdir(parents=True)
        case.write(folder)
        (clip,) = folder.iterdir()
        lines.append(f'{number}/{clip.name} 8 {number % 7}')
    (root / 'list.txt').write_text('\n'.join(lines))
    return list(CASES)
