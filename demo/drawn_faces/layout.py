"""The files of a corpus as its owners hand out DFEW, with MAFW's captions beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .expressions import CLASSES
from .strokes import Image

FRAMES_DIR = 'Clip/clip_224x224'
VIDEOS_DIR = 'Clip/original'
_FRAMES_PER_SECOND = 12
_JPEG_QUALITY = 92
_CHINESE_PLACEHOLDER = '一个人面对镜头。'


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the lists say of one clip; `brow` and `mouth` are mean intensities in [0, 1]."""

    number: int
    emotion: str
    identity: int
    num_frames: int
    brow: float
    mouth: float
    caption: str

    @property
    def name(self) -> str:
        """The clip's folder, and the stem of its video."""
        return clip_name(self.number)


def clip_name(number: int) -> str:
    """The name of a clip's folder from its number."""
    return f'{number:05d}'


def write_frames(root: Path, number: int, frames: Image) -> None:
    """Write the frames (T, H, W, 3) RGB of a clip as 1.jpg, 2.jpg and so on.

    Raises:
        OSError: when a file cannot be written.
    """
    folder = root / FRAMES_DIR / clip_name(number)
    folder.mkdir(parents=True)
    for moment, frame in enumerate(frames, start=1):
        path = folder / f'{moment}.jpg'
        if not cv2.imwrite(str(path), frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
            raise OSError(f'Expected to write {path}, but OpenCV could not; is the disk full?')


def write_video(root: Path, number: int, frames: Image) -> None:
    """Write the frames (T, H, W, 3) RGB of a clip as a video.

    Raises:
        OSError: when this OpenCV cannot write videos.
    """
    path = root / VIDEOS_DIR / f'{clip_name(number)}.mp4'
    path.parent.mkdir(parents=True, exist_ok=True)
    _, height, width, _ = frames.shape
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    video = cv2.VideoWriter(str(path), codec, _FRAMES_PER_SECOND, (width, height))
    if not video.isOpened():
        raise OSError(f'Expected to write {path}, but this OpenCV has no mp4v encoder; reinstall.')
    for frame in frames:
        video.write(np.ascontiguousarray(frame[..., ::-1]))
    video.release()


def write_lists(
    root: Path, entries: Sequence[Entry], *, parts: Sequence[int], folds: int
) -> list[str]:
    """Write all text files.

    Args:
        root: folder of the corpus.
        entries: the clips, in the order of the lists.
        parts: part of each identity, from 0; part K - 1 tests fold K.
        folds: how many folds have lists.

    Returns:
        The names of the files, below `root`.
    """
    texts = {
        'scores.csv': _csv(
            'clip,brow,mouth',
            (f'{entry.name},{entry.brow:.5f},{entry.mouth:.5f}' for entry in entries),
        ),
        'identities.csv': _csv(
            'clip,identity', (f'{entry.name},{entry.identity}' for entry in entries)
        ),
    }
    for fold in range(1, folds + 1):
        split = {
            'test': [entry for entry in entries if parts[entry.identity] == fold - 1],
            'train': [entry for entry in entries if parts[entry.identity] != fold - 1],
        }
        for subset, chosen in split.items():
            rows = (f'{entry.number},{CLASSES.index(entry.emotion) + 1}' for entry in chosen)
            name = f'EmoLabel_DataSplit/{subset}(single-labeled)/set_{fold}.csv'
            texts[name] = _csv('video_name,label', rows)
            # MAFW's own files end without a line break.
            texts[f'captions/set_{fold}/{subset}.txt'] = '\r\n'.join(
                f'{entry.name}.mp4\t{entry.emotion}\t{_CHINESE_PLACEHOLDER}\t{entry.caption}'
                for entry in chosen
            )
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode('gbk' if name.startswith('captions') else 'ascii'))
    return list(texts)


def _csv(header: str, rows: Iterable[str]) -> str:
    return '\n'.join([header, *rows]) + '\n'
