"""A synthetic corpus in the layout of DFEW: clips as JPEGs, packed, and as videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from mmaction.registry import DATASETS

from dferclip_mm.media.packed import FORMAT
from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.packed_clips import pack_clip, read_frames
from dferclip_mm.precompute.source_clips import SourceClip
from dferclip_mm.transforms import ClipInit

SIZE = 224
CLIPS = 'Clip/clip_224x224'


def write_jpegs(folder: Path, clips: int = 12) -> list[Path]:
    """Folders of 40 to 120 JPEGs of quality 95, about 15.7 KB each, as in DFEW."""
    rng = np.random.RandomState(0)
    folders = []
    for clip in range(clips):
        folders.append(folder / f'{clip:05d}')
        folders[-1].mkdir(parents=True)
        coarse = rng.randint(0, 256, (9, 9, 3), dtype=np.uint8)
        scene = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC).astype(int)
        for frame in range(rng.randint(40, 121)):
            # A moving face, with camera noise.
            x, y = (int(16 + 15 * math.sin(frame / period)) for period in (9, 7))
            part = scene[y : y + SIZE, x : x + SIZE]
            image = np.clip(part + rng.randint(-4, 5, part.shape), 0, 255).astype(np.uint8)
            path = folders[-1] / f'{frame + 1:05d}.jpg'
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folders


def source_clip(folder: Path) -> SourceClip:
    """A clip as a dataset lists it."""
    return SourceClip(folder.name, dict(filename=str(folder)), ClipInit())


def pack_clips(folders: Sequence[Path], target: Path) -> list[Path]:
    """The same clips, packed as `tools/pack_dataset.py` does."""
    store = ClipStore(target, FORMAT)
    for folder in folders:
        pack_clip(source_clip(folder), store)
    return [store.file(folder.name) for folder in folders]


def write_videos(folders: Sequence[Path], target: Path) -> list[Path]:
    """The same clips as H.264 videos, each with one key frame."""
    paths = [target / f'{folder.name}.mp4' for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        with av.open(str(path), 'w') as file:
            stream = file.add_stream('libx264', rate=25)
            stream.height, stream.width, stream.pix_fmt = SIZE, SIZE, 'yuv420p'
            stream.options = {'crf': '20', 'threads': '1', 'x264-params': 'keyint=250'}
            for image in read_frames(source_clip(folder)):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
            file.mux(stream.encode())
    return paths


def write_corpus(root: Path, clips: int = 12) -> list[Path]:
    """DFEW's layout, with the clips also packed and as videos; returns the folders of JPEGs."""
    folders = write_jpegs(root / CLIPS, clips)
    for name, write in (('packed', pack_clips), ('videos', write_videos)):
        (root / name).mkdir()
        write(folders, root / name)
    lines = ['video_name,label', *(f'{folder.name},1' for folder in folders)]
    for split in ('train', 'test'):
        path = root / f'EmoLabel_DataSplit/{split}(single-labeled)/set_1.csv'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(lines))
    return folders


def open_corpus(settings: Any, root: Path, clips: str, **changed: Any) -> Any:
    """The dataset of a config, with one of the three kinds of clips."""
    changed |= dict(data_root=str(root), data_prefix=dict(clips=clips))
    return DATASETS.build({**settings, **changed})
