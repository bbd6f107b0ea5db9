"""What loading costs, beside the original's way: Pillow, and floats made by the loader."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from mmaction.registry import DATASETS, MODELS
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image, ImageEnhance

from dferclip_mm.datasets.clips import PACKED_SUFFIX
from dferclip_mm.datasets.packing import read_clip
from dferclip_mm.datasets.transforms.packed import write_packed
from dferclip_mm.engine.randomness import SAMPLES, seed_generators

from .measure import interleaved, ratio
from .models import Row

SIZE, FRAMES, ROUNDS = 224, 16, 25
CLIPS = 'Clip/clip_224x224'


def draw_clips(folder: Path, clips: int = 12) -> list[Path]:
    """Folders of 40 to 120 JPEGs of quality 95, about 15.7 KB each, as those of DFEW are."""
    rng = np.random.RandomState(0)
    folders = []
    for clip in range(clips):
        folders.append(folder / f'{clip:05d}')
        folders[-1].mkdir(parents=True)
        coarse = rng.randint(0, 256, (9, 9, 3), dtype=np.uint8)
        scene = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC).astype(int)
        for frame in range(rng.randint(40, 121)):
            # A face moves, and a camera has noise.
            x, y = (int(16 + 15 * math.sin(frame / period)) for period in (9, 7))
            part = scene[y : y + SIZE, x : x + SIZE]
            image = np.clip(part + rng.randint(-4, 5, part.shape), 0, 255).astype(np.uint8)
            path = folders[-1] / f'{frame + 1:05d}.jpg'
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folders


def pack_clips(folders: Sequence[Path], target: Path) -> list[Path]:
    """The same clips, packed as `tools/pack_dataset.py` does."""
    paths = [target / f'{folder.name}{PACKED_SUFFIX}' for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        write_packed(path, read_clip(str(folder)))
    return paths


def film_clips(folders: Sequence[Path], target: Path) -> list[Path]:
    """The same clips as h264, one group of pictures each."""
    paths = [target / f'{folder.name}.mp4' for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        with av.open(str(path), 'w') as file:
            stream = file.add_stream('libx264', rate=25)
            stream.height, stream.width, stream.pix_fmt = SIZE, SIZE, 'yuv420p'
            stream.options = {'crf': '20', 'threads': '1', 'x264-params': 'keyint=250'}
            for image in read_clip(str(folder)):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
            file.mux(stream.encode())
    return paths


def decode_span(path: Path, frames: int) -> None:
    """What no reader is spared: a video's first frames decoded in one thread, none looked at."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = 'NONE', 1
        for number, _ in enumerate(file.decode(stream), 1):
            if number == frames:
                break


def pillow_frames(paths: Sequence[Path], numbers: Sequence[int]) -> list[Image.Image]:
    """Frames as Pillow reads them."""
    return [Image.open(paths[number]).convert('RGB') for number in numbers]


def pillow_box(width: int, height: int) -> tuple[int, int, int, int]:
    """A random part of a frame: left, upper, right, lower."""
    for _ in range(10):
        area, aspect = random.uniform(0.08, 1) * width * height, random.uniform(3 / 4, 4 / 3)
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if random.random() < 0.5:
            w, h = h, w
        if w <= width and h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    return 0, 0, width, height


def pillow_augment(images: Sequence[Image.Image]) -> torch.Tensor:
    """Brightness, crop, flip frame by frame, then floats (T, 3, H, W)."""
    factor, mirrored = random.uniform(0.5, 1.5), random.random() < 0.5
    images = [ImageEnhance.Brightness(image).enhance(factor) for image in images]
    box = pillow_box(*images[0].size)
    images = [image.crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for image in images]
    if mirrored:
        images = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    # Joined along the channels, as the original does before its tensor is made.
    joined = torch.from_numpy(np.concatenate([np.asarray(image) for image in images], axis=2))
    return joined.permute(2, 0, 1).contiguous().float().div(255).reshape(-1, 3, SIZE, SIZE)


def pipeline(config: str) -> Callable[[dict], Any]:
    """The training pipeline of a config."""
    return Compose(Config.fromfile(config).train_pipeline)


def lay_out(root: Path, clips: int = 12) -> list[Path]:
    """A corpus as DFEW's owners hand it out, beside its clips packed and filmed: the folders."""
    folders = draw_clips(root / CLIPS, clips)
    for name, write in (('packed', pack_clips), ('videos', film_clips)):
        (root / name).mkdir()
        write(folders, root / name)
    lines = ['video_name,label', *(f'{folder.name},1' for folder in folders)]
    for split in ('train', 'test'):
        path = root / f'EmoLabel_DataSplit/{split}(single-labeled)/set_1.csv'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(lines))
    return folders


def open_corpus(settings: Any, root: Path, clips: str, **changed: Any) -> Any:
    """The data set of a config, over one of the three kinds of clips."""
    changed |= dict(data_root=str(root), data_prefix=dict(clips=clips))
    return DATASETS.build({**settings, **changed})


def load(dataset: Any, epoch: int = 0) -> Any:
    """A data set in one batch, as a loader's worker makes it in a run."""
    items = []
    for index in range(len(dataset)):
        seed_generators(0, SAMPLES, epoch, index)
        items.append(dataset[index])
    return pseudo_collate(items)


def pillow_load(folders: Sequence[Path]) -> torch.Tensor:
    """The same batch the original's way."""
    clips = []
    for folder in folders:
        paths = sorted(folder.glob('*'))
        length = len(paths) // FRAMES
        numbers = [n * length + random.randrange(length) for n in range(FRAMES)]
        clips.append(pillow_augment(pillow_frames(paths, numbers)))
    return torch.utils.data.default_collate(clips)


def loading(config: str, folder: Path) -> list[Row]:
    """Clips per second of one core, and ratios to the original's way and to a bare decode."""
    cfg = Config.fromfile(config)
    folders, epochs = lay_out(folder), itertools.count()
    trained = cfg.train_dataloader.dataset
    ours = {kind: open_corpus(trained, folder, kind) for kind in (CLIPS, 'packed', 'videos')}
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    after_decoding = Compose(pipeline(config).transforms[3:])
    # The test's frames: their span is the same each time.
    tested = cfg.test_dataloader.dataset
    decoded = open_corpus(tested, folder, 'videos', pipeline=tested.pipeline[:3])
    images = pillow_frames(sorted(folders[0].glob('*')), range(FRAMES))
    frames = np.stack([np.asarray(image) for image in images])
    videos = [Path(decoded.get_data_info(index)['filename']) for index in range(len(decoded))]
    spans = [decoded[index]['frame_inds'][-1] + 1 for index in range(len(decoded))]

    def augment() -> None:
        for _ in folders:
            after_decoding(
                dict(
                    imgs=frames,
                    img_shape=(SIZE, SIZE),
                    label=0,
                    modality='RGB',
                    num_clips=1,
                    clip_len=FRAMES,
                )
            )

    def decode_videos() -> None:
        for index in range(len(decoded)):
            decoded[index]

    def decode_spans() -> None:
        for path, span in zip(videos, spans, strict=True):
            decode_span(path, span)

    # Compared in small groups, so that both sides of a pair see the same neighbours.
    groups: list[dict[str, Callable[[], Any]]] = [
        {
            'original': lambda: pillow_load(folders),
            'JPEG': lambda: load(ours[CLIPS], next(epochs)),
            'floats': lambda: preprocessor(load(ours[CLIPS], next(epochs)), training=True),
            'packed': lambda: load(ours['packed'], next(epochs)),
            'video': lambda: load(ours['videos'], next(epochs)),
        },
        {
            'original augmentation': lambda: [pillow_augment(images) for _ in folders],
            'augmentation': augment,
        },
        {'video frames': decode_videos, 'span': decode_spans},
    ]
    found: dict[str, list[float]] = {}
    for runs in groups:
        found |= interleaved(runs, rounds=ROUNDS)

    def speed(name: str) -> float:
        return len(folders) / sorted(found[name])[ROUNDS // 2]

    def against(slow: str, fast: str) -> float:
        return ratio(found[slow], found[fast])

    return [
        Row("DFEW training pipeline the original's way, clips per second", speed('original'), ''),
        Row('DFEW training pipeline, clips per second', speed('JPEG'), ''),
        Row('DFEW training pipeline ÷ original', against('original', 'JPEG'), '≥ 4.5'),
        Row(
            'the same, its batch stacked and made floats on the CPU ÷ original',
            against('original', 'floats'),
            '',
        ),
        Row('DFEW training pipeline from packed clips, clips per second', speed('packed'), ''),
        Row('the same from packed clips ÷ original', against('original', 'packed'), '≥ 8'),
        Row('augmentation ÷ original', against('original augmentation', 'augmentation'), '≥ 9'),
        Row('DFEW training pipeline from h264 videos, clips per second', speed('video'), ''),
        Row(
            'h264: 16 frames ÷ bare decode of their span', against('video frames', 'span'), '≤ 1.15'
        ),
    ]
