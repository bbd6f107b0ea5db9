"""The cost of loading, compared with the original's way and with a bare decode."""

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

from .corpus import CLIPS, SIZE, lay_out, open_corpus
from .measure import Run, interleaved
from .pillow import FRAMES, pillow_augment, pillow_clip, pillow_frames
from .table import Row, compared, over_rounds

ROUNDS = 11


def until_decoded(steps: Sequence[Any]) -> int:
    """The number of steps of a pipeline up to the one that decodes, included."""
    return [step['type'] for step in steps].index('ClipDecode') + 1


def decode_span(path: Path, frames: int) -> None:
    """The least that any reader does: decode a video's first frames in one thread."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = 'NONE', 1
        for number, _ in enumerate(file.decode(stream), 1):
            if number == frames:
                break


class Seeded(torch.utils.data.Dataset):
    """A dataset whose clips are seeded as in a run, one epoch after the other."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, number: int) -> Any:
        epoch, index = divmod(number, len(self.dataset))
        seed_generators(0, SAMPLES, epoch, index)
        return self.dataset[index]


class Pillow(torch.utils.data.Dataset):
    """The same clips the original's way."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders

    def __getitem__(self, number: int) -> torch.Tensor:
        return pillow_clip(self.folders[number % len(self.folders)])


def load(dataset: Seeded, epoch: int = 0) -> Any:
    """One epoch in one batch, as a loader's worker makes it in a run."""
    clips = len(dataset.dataset)
    return pseudo_collate([dataset[epoch * clips + index] for index in range(clips)])


def pillow_load(folders: Sequence[Path]) -> torch.Tensor:
    """The same batch the original's way."""
    return torch.utils.data.default_collate([pillow_clip(folder) for folder in folders])


class Stamped:
    """Collates in a worker."""

    def __init__(self, collate: Callable[[list], Any]) -> None:
        self.collate = collate

    def __call__(self, items: list) -> tuple[Any, float]:
        """The batch, and the CPU seconds that the process has taken so far."""
        return self.collate(items), time.process_time()


def through_worker(
    dataset: Any, collate: Callable[[list], Any], clips: int, rounds: int
) -> list[float]:
    """CPU seconds of so many clips in one worker process and in this one, which only takes them.

    The first round, in which the worker starts, is left out.
    """
    loader = torch.utils.data.DataLoader(
        dataset,
        # Few at a time, since memory that processes share can be scarce.
        batch_size=2,
        prefetch_factor=1,
        sampler=range(clips * (rounds + 1)),
        num_workers=1,
        collate_fn=Stamped(collate),
    )
    # The worker sends a batch after its stamp; that is in the next one's price, for all alike.
    stamps = [theirs + time.process_time() for _, theirs in loader]
    ends = stamps[clips // 2 - 1 :: clips // 2]
    return [after - before for before, after in itertools.pairwise(ends)]


def worker_row(dataset: Seeded, folders: Sequence[Path], rounds: int = 7) -> Row:
    """The original's way and ours through one worker process each, one after the other.

    Batches go from one process to another here, and floats are four times as much to send.
    """
    clips = len(folders)
    collate = torch.utils.data.default_collate
    theirs = through_worker(Pillow(folders), collate, clips, rounds)
    ours = through_worker(dataset, pseudo_collate, clips, rounds)
    return compared('the same through a worker process each ÷ original', theirs, ours)


def augmentation(config: str, frames: np.ndarray, clips: int) -> Run:
    """What follows decoding in a config's training, of the same frames again and again."""
    steps = Config.fromfile(config).train_pipeline
    transforms = Compose(steps[until_decoded(steps) :])
    # Shared by all rounds: a step that would change it in place stops instead.
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
    """The test's frames of all videos, and a bare decode of their span, the same each time."""
    steps = settings.pipeline[: until_decoded(settings.pipeline)]
    decoded = open_corpus(settings, folder, 'videos', pipeline=steps)
    videos = [Path(decoded.get_data_info(index)['filename']) for index in range(len(decoded))]
    spans = [decoded[index]['frame_inds'][-1] + 1 for index in range(len(decoded))]

    def decode_videos() -> None:
        for index in range(len(decoded)):
            decoded[index]

    def decode_spans() -> None:
        for path, span in zip(videos, spans, strict=True):
            decode_span(path, span)

    return {'video frames': decode_videos, 'span': decode_spans}


def loading(config: str, folder: Path) -> list[Row]:
    """Clips per second of one core, and ratios to the original's way and to a bare decode."""
    cfg = Config.fromfile(config)
    folders, epochs = lay_out(folder), itertools.count()
    trained = cfg.train_dataloader.dataset
    ours = {
        kind: Seeded(open_corpus(trained, folder, kind)) for kind in (CLIPS, 'packed', 'videos')
    }
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    images = pillow_frames(sorted(folders[0].glob('*')), range(FRAMES))
    frames = np.stack([np.asarray(image) for image in images])
    # Compared in small groups, so that both sides of a pair see the same neighbours.
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
        return over_rounds(f'{name}, clips per second', [len(folders) / s for s in found[key]])

    def against(name: str, slow: str, fast: str, bar: str = '') -> Row:
        return compared(name, found[slow], found[fast], bar)

    return [
        speed("DFEW training pipeline the original's way", 'original'),
        speed('DFEW training pipeline', 'JPEG'),
        against('DFEW training pipeline ÷ original', 'original', 'JPEG', '≥ 4.5'),
        worker_row(ours[CLIPS], folders),
        against(
            'the same in one process, its batch stacked and made floats on the CPU ÷ original',
            'original',
            'floats',
        ),
        speed('DFEW training pipeline from packed clips', 'packed'),
        against('the same from packed clips ÷ original', 'original', 'packed', '≥ 8'),
        against('augmentation ÷ original', 'original augmentation', 'augmentation', '≥ 9'),
        speed('DFEW training pipeline from h264 videos', 'video'),
        against('h264: 16 frames ÷ bare decode of their span', 'video frames', 'span', '≤ 1.15'),
    ]
