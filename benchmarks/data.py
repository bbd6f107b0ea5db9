"""The cost of loading, against the original code and against decoding alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from mmaction.registry import MODELS
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from dferclip_mm.engine.seeding import SAMPLES, seed_generators

from .corpus import CLIPS, SIZE, open_corpus, write_corpus
from .measure import Run, interleaved
from .pillow import FRAMES, pillow_augment, pillow_clip, pillow_frames
from .table import Row, median_row, ratio_row

ROUNDS = 11


def count_decode_steps(steps: Sequence[Any]) -> int:
    """The number of steps of a pipeline up to the one that decodes, included."""
    return [step['type'] for step in steps].index('ClipDecode') + 1


def decode_first_frames(path: Path, frames: int) -> None:
    """Only decode a video's first frames in one thread: the lower bound for any reader."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = 'NONE', 1
        for number, _ in enumerate(file.decode(stream), 1):
            if number == frames:
                break


class Seeded(torch.utils.data.Dataset):
    """A dataset whose clips are seeded as in a training run, epoch after epoch."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, number: int) -> Any:
        epoch, index = divmod(number, len(self.dataset))
        seed_generators(0, SAMPLES, epoch, index)
        return self.dataset[index]


class Pillow(torch.utils.data.Dataset):
    """The same clips, loaded as in the original code."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders

    def __getitem__(self, number: int) -> torch.Tensor:
        return pillow_clip(self.folders[number % len(self.folders)])


def load(dataset: Seeded, epoch: int = 0) -> Any:
    """One epoch as one batch, as a worker of a dataloader makes it."""
    clips = len(dataset.dataset)
    return pseudo_collate([dataset[epoch * clips + index] for index in range(clips)])


def pillow_load(folders: Sequence[Path]) -> torch.Tensor:
    """The same batch, loaded as in the original code."""
    return torch.utils.data.default_collate([pillow_clip(folder) for folder in folders])


class TimedCollate:
    """Collates in a worker, and records its CPU time."""

    def __init__(self, collate: Callable[[list], Any]) -> None:
        self.collate = collate

    def __call__(self, items: list) -> tuple[Any, float]:
        """The batch, and the CPU seconds of the process so far."""
        return self.collate(items), time.process_time()


def through_worker(
    dataset: Any, collate: Callable[[list], Any], clips: int, rounds: int
) -> list[float]:
    """CPU seconds per round of one worker process and of this process, which receives the batches.

    The first round, in which the worker starts, is not counted.
    """
    loader = torch.utils.data.DataLoader(
        dataset,
        # Small batches, since shared memory can be scarce.
        batch_size=2,
        prefetch_factor=1,
        sampler=range(clips * (rounds + 1)),
        num_workers=1,
        collate_fn=TimedCollate(collate),
    )
    # The worker sends a batch after its time stamp, so sending counts for the next batch.
    stamps = [theirs + time.process_time() for _, theirs in loader]
    ends = stamps[clips // 2 - 1 :: clips // 2]
    return [after - before for before, after in itertools.pairwise(ends)]


def worker_row(dataset: Seeded, folders: Sequence[Path], rounds: int = 7) -> Row:
    """The original code and ours, each with one worker process, one after the other.

    This includes sending batches between processes; floats are four times as large as bytes.
    """
    clips = len(folders)
    collate = torch.utils.data.default_collate
    theirs = through_worker(Pillow(folders), collate, clips, rounds)
    ours = through_worker(dataset, pseudo_collate, clips, rounds)
    return ratio_row('the same through a worker process each ÷ original', theirs, ours)


def augmentation(config: str, frames: np.ndarray, clips: int) -> Run:
    """The steps after decoding of a config's training pipeline, on the same frames each time."""
    steps = Config.fromfile(config).train_pipeline
    transforms = Compose(steps[count_decode_steps(steps) :])
    # All rounds share the frames: a step that changed them in place would fail.
    frames.flags.writeable = False

    def augment() -> None:
        for _ in range(clips):
            transforms(
                dict(
                    imgs=frames,
                    img_shape=(SIZE, SIZE),
                    label=0,
                    modality='RGB',
                    num_clips=1,
                    clip_len=FRAMES,
                )
            )

    return augment


def decoding(settings: Any, folder: Path) -> dict[str, Run]:
    """Loading the test frames of all videos, and only decoding up to the last of them."""
    steps = settings.pipeline[: count_decode_steps(settings.pipeline)]
    decoded = open_corpus(settings, folder, 'videos', pipeline=steps)
    videos = [Path(decoded.get_data_info(index)['filename']) for index in range(len(decoded))]
    spans = [decoded[index]['frame_inds'][-1] + 1 for index in range(len(decoded))]

    def decode_videos() -> None:
        for index in range(len(decoded)):
            decoded[index]

    def decode_spans() -> None:
        for path, span in zip(videos, spans, strict=True):
            decode_first_frames(path, span)

    return {'video frames': decode_videos, 'span': decode_spans}


def loading(config: str, folder: Path) -> list[Row]:
    """Clips per second of one core, and ratios to the original code and to decoding alone."""
    cfg = Config.fromfile(config)
    folders, epochs = write_corpus(folder), itertools.count()
    trained = cfg.train_dataloader.dataset
    ours = {
        kind: Seeded(open_corpus(trained, folder, kind)) for kind in (CLIPS, 'packed', 'videos')
    }
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    images = pillow_frames(sorted(folders[0].glob('*')), range(FRAMES))
    frames = np.stack([np.asarray(image) for image in images])
    # In small groups, so that both sides of a ratio run under the same load of the machine.
    groups: Iterable[dict[str, Run]] = [
        {
            'original': lambda: pillow_load(folders),
            'JPEG': lambda: load(ours[CLIPS], next(epochs)),
            'floats': lambda: preprocessor(load(ours[CLIPS], next(epochs)), training=True),
            'packed': lambda: load(ours['packed'], next(epochs)),
            'video': lambda: load(ours['videos'], next(epochs)),
        },
        {
            'original augmentation': lambda: [pillow_augment(images) for _ in folders],
            'augmentation': augmentation(config, frames, len(folders)),
        },
        decoding(cfg.test_dataloader.dataset, folder),
    ]
    found: dict[str, list[float]] = {}
    for runs in groups:
        found |= interleaved(runs, rounds=ROUNDS)

    def speed(name: str, key: str) -> Row:
        return median_row(f'{name}, clips per second', [len(folders) / s for s in found[key]])

    def against(name: str, slow: str, fast: str, target: str = '') -> Row:
        return ratio_row(name, found[slow], found[fast], target)

    return [
        speed('DFEW training pipeline of the original code', 'original'),
        speed('DFEW training pipeline', 'JPEG'),
        against('DFEW training pipeline ÷ original', 'original', 'JPEG', '≥ 4.5'),
        worker_row(ours[CLIPS], folders),
        against(
            'the same in one process, with stacking and conversion to floats on the CPU ÷ original',
            'original',
            'floats',
        ),
        speed('DFEW training pipeline from packed clips', 'packed'),
        against('the same from packed clips ÷ original', 'original', 'packed', '≥ 8'),
        against('augmentation ÷ original', 'original augmentation', 'augmentation', '≥ 9'),
        speed('DFEW training pipeline from h264 videos', 'video'),
        against(
            'h264: 16 frames ÷ decoding alone up to the last of them',
            'video frames',
            'span',
            '≤ 1.15',
        ),
    ]
