"""Each bad file and folder is refused or read, in a process that may crash, hang or eat memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clip_files import PACK, read_steps
from drawn_videos import picture, write
from processes import in_fork

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError

SECONDS, MEMORY = 120, 4 << 30


def encode(suffix: str, codec: str, **options: Any) -> bytes:
    """A video of 24 frames that show their numbers."""
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / f'a{suffix}', 24, codec=codec, **options).read_bytes()


MP4 = encode('.mp4', 'mpeg4')
FAST = encode('.mp4', 'mpeg4', muxer={'movflags': 'faststart'})
MKV, TS = encode('.mkv', 'libx264'), encode('.ts', 'mpeg2video')


def cut(data: bytes, share: float) -> bytes:
    """The beginning of the data."""
    return data[: int(len(data) * share)]


def flipped(data: bytes) -> bytes:
    """The data with some flipped bits, but for the first and last tenth."""
    changed = np.frombuffer(data, np.uint8).copy()
    rng = np.random.default_rng(0)
    where = rng.integers(len(data) // 10, len(data) * 9 // 10, len(data) // 50)
    changed[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
    return changed.tobytes()


def frame(number: int = 3, size: tuple[int, int] = (48, 64)) -> bytes:
    """An encoded frame that shows its number."""
    return cv2.imencode('.jpg', picture(number, size))[1].tobytes()


FRAMES = {f'{number}.jpg': frame(number) for number in range(1, 9)}
OTHERS = dict.fromkeys(('Thumbs.db', '.DS_Store', '._1.jpg', 'notes.txt'), b'x')
HALF_ZERO = FAST[: len(FAST) // 2] + bytes(len(FAST) - len(FAST) // 2)
# Each clip as a video or a folder of files, and how many different frames eight sampled ones must
# show where it is read; 0 where it has to be refused, -1 where it may be.
CASES: dict[str, tuple[str, bytes | dict[str, bytes], int]] = {
    'picture': ('clip.mp4', frame(), 0),
    'MPEG mark and noise': ('clip.mpg', b'\0\0\1\xba' + flipped(bytes(5000)), 0),
    'mp4 without its end': ('clip.mp4', cut(MP4, 0.6), 0),
    'mp4 cut at 95 %': ('clip.mp4', cut(FAST, 0.95), 0),
    'Matroska cut at 50 %': ('clip.mkv', cut(MKV, 0.5), 0),
    'Matroska with the name of an mp4': ('clip.mp4', MKV, 8),
    'noise behind its end': ('clip.mp4', FAST + bytes(5000), 8),
    # It declares no count: nothing distinguishes it from a shorter video.
    'transport stream cut at 60 %': ('clip.ts', cut(TS, 0.6), 5),
    'flipped bits': ('clip.mp4', flipped(FAST), -1),
    'half of the payload zero': ('clip.mp4', HALF_ZERO, -1),
    'only other files': ('clip', OTHERS, 0),
    'empty frame': ('clip', FRAMES | {'3.jpg': b''}, 0),
    'half a frame': ('clip', FRAMES | {'3.jpg': cut(frame(), 0.5)}, 0),
    'text as a frame': ('clip', FRAMES | {'3.jpg': b'hello'}, 0),
    'a frame of another size': ('clip', FRAMES | {'3.jpg': frame(3, (20, 30))}, 8),
    'other files among frames': ('clip', FRAMES | OTHERS, 8),
    'a frame left out': ('clip', FRAMES | {'10.jpg': frame(10)}, 8),
}


def write_clip(path: Path, content: bytes | dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    path.mkdir()
    for name, data in content.items():
        (path / name).write_bytes(data)


def build(root: Path, test_mode: bool = True) -> DFEWDataset:
    """The clips of ``root/list.txt``; one that cannot be read raises."""
    resize = dict(type='Resize', scale=(16, 16), keep_ratio=False)
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
        test_mode=test_mode,
        unreadable='raise',
        pipeline=read_steps(8, resize, *PACK, test_mode=test_mode),
    )


@pytest.mark.promise('Clips', 'A bad clip is refused with its list and line, or read')
@pytest.mark.parametrize('test_mode', [True, False])
def test_a_bad_clip_is_refused_with_its_list_and_line_or_read(
    test_mode: bool, tmp_path: Path
) -> None:
    root, told, lines = tmp_path / 'corpus', tmp_path / 'told.txt', []
    for number, (name, content, _) in enumerate(CASES.values(), 1):
        write_clip(root / f'clips/{number}/{name}', content)
        lines.append(f'{number}/{name} 8 {number % 7}')
    (root / 'list.txt').write_text('\n'.join(lines))

    def child() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # What the tests' own process holds already is not the reading's.
        held = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        dataset = build(root, test_mode)
        with told.open('w') as file:
            for index in range(len(CASES)):
                signal.alarm(SECONDS)
                try:
                    clip = dataset[index]['inputs']
                    found = [list(clip.shape), len(clip.unique(dim=0))]
                except ClipReadError as error:
                    found = str(error)
                print(json.dumps(found), file=file, flush=True)

    code = in_fork(child, tmp_path / 'log.txt')
    found = [json.loads(line) for line in told.read_text().splitlines()]
    # A crash or a hang.
    assert code == 0, f'{list(CASES)[len(found)]}: {(tmp_path / "log.txt").read_text()[-2000:]}'
    for line, (name, said) in enumerate(zip(CASES, found, strict=True), 1):
        distinct = CASES[name][2]
        if isinstance(said, str):
            assert distinct <= 0 or 'transport' in name, (name, said)
            assert said.startswith(f'{root}/clips/{line}/clip'), (name, said)
            reason = said.split(f' (listed in {root}/list.txt:{line}): ')[1]
            assert len(reason) > 10, (name, said)
        else:
            assert distinct, (name, said)
            assert said[0] == [8, 3, 16, 16], (name, said)
            assert said[1] >= distinct, (name, said)


ODD_FILES = {
    'nothing': lambda path: None,
    'a pipe': os.mkfifo,
    'a link to itself': lambda path: path.symlink_to(path.name),
    'a link to a device': lambda path: path.symlink_to('/dev/zero'),
}


@pytest.mark.parametrize('kind', ODD_FILES)
def test_a_clip_that_is_no_file_is_named_when_the_run_is_built_and_later(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / 'clips/clip.mp4'
    write_clip(path, FAST)
    (tmp_path / 'list.txt').write_text('clip 24 1\n')
    clips = build(tmp_path)
    path.unlink()
    ODD_FILES[kind](path)
    with pytest.raises(FileNotFoundError, match=r'list\.txt:1\)'):
        build(tmp_path)
    with pytest.raises(ClipReadError, match=r'clip\.mp4 \(listed in .*list\.txt:1\): '):
        clips[0]


def test_a_frame_that_is_too_large_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the header of a PNG.
    png = cv2.imencode('.png', picture(3, (48, 64)))[1].tobytes()
    header = b'IHDR' + struct.pack('>II', 4097, 4097) + png[24:29]
    png = png[:12] + header + struct.pack('>I', zlib.crc32(header)) + png[33:]
    write_clip(tmp_path / 'clips/clip', FRAMES | {'3.jpg': png})
    (tmp_path / 'list.txt').write_text('clip 8 1\n')
    monkeypatch.setattr('cv2.imdecode', None)
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): .*clip/3.jpg has 4097 x 4097 pixels'):
        build(tmp_path)[0]
