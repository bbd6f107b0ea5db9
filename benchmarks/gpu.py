"""The paper's batch on a GPU: speed in three precisions, memory, and waiting for data."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from .corpus import write_jpegs
from .measure import Run
from .models import Case, autocast, backward
from .table import Row, median_row, ratio_row

# The precision of float32 matrix products, and the type of autocast.
PRECISIONS: dict[str, tuple[str, torch.dtype | None]] = {
    'float32': ('highest', None),
    'TF32': ('high', None),
    'bfloat16': ('highest', torch.bfloat16),
}
# Batches that each worker prefetches.
PREFETCH = 4


@contextmanager
def precision(products: str) -> Iterator[None]:
    """Set the precision of float32 matrix products and convolutions.

    Autocast is entered in each forward pass instead, since it caches the casts of weights.
    """
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = products == 'high'
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions


def synchronize(device: str) -> None:
    """Wait until the device has finished."""
    if device != 'cpu':
        torch.get_device_module(device).synchronize()


def wall_seconds(runs: Mapping[str, Run], device: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of runs that alternate on a device, after two rounds of warm-up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            synchronize(device)
            start = time.perf_counter()
            run()
            synchronize(device)
            found[name].append(time.perf_counter() - start)
    return {name: times[2:] for name, times in found.items()}


def peak_gib(run: Run, device: str) -> float:
    """Peak memory of a run on a device, in GiB; NaN for the CPU."""
    if device == 'cpu':
        return float('nan')
    memory = torch.get_device_module(device)
    memory.reset_peak_memory_stats()
    run()
    synchronize(device)
    return memory.max_memory_allocated() / 2**30


def count_batches(rounds: int, workers: int) -> tuple[int, int]:
    """The number of batches before timing starts, and of all batches.

    The first batches of all workers arrive together and would distort the result. At least two
    batches of each worker are timed.
    """
    first = max(1, workers * PREFETCH)
    return first, first + max(rounds, 2 * workers)


def waiting_share(
    batches: Iterable[Any], step: Callable[[Any], Any], device: str, first: int = 1
) -> float:
    """The share of time that a training loop waits for batches, without the first ones."""
    iterator = iter(batches)
    for _ in range(first):
        step(next(iterator))
    synchronize(device)
    waiting, start = 0.0, time.perf_counter()
    while True:
        asked = time.perf_counter()
        try:
            batch = next(iterator)
        except StopIteration:
            break
        waiting += time.perf_counter() - asked
        step(batch)
        synchronize(device)
    return waiting / (asked - start)


def train(
    model: Any, optimizer: torch.optim.Optimizer, device: str, dtype: torch.dtype | None
) -> Callable[[Any], torch.Tensor]:
    """One training step from what the loader gives; it returns the loss."""

    def step(batch: Any) -> torch.Tensor:
        data = model.data_preprocessor(batch, True)
        with autocast(device, dtype):
            losses = model(**data, mode='loss')
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def clip_items(folder: Path, clips: int, batches: int) -> list[dict]:
    """The inputs of a pipeline for several batches of synthetic clips."""
    paths = write_jpegs(folder, min(clips, 48))
    return [
        dict(filename=str(paths[n % len(paths)]), label=n % 7, modality='RGB', start_index=0)
        for n in range(clips * batches)
    ]


def loader(
    items: list[dict], transforms: Callable[[dict], Any], clips: int, workers: int
) -> Iterable[Any]:
    """A dataloader of items that go through a pipeline."""
    return torch.utils.data.DataLoader(
        _Clips(items, transforms),
        batch_size=clips,
        num_workers=workers,
        collate_fn=pseudo_collate,
        # Forked processes can hang after CUDA has started threads.
        multiprocessing_context='forkserver' if workers else None,
        prefetch_factor=PREFETCH if workers else None,
    )


class _Clips(torch.utils.data.Dataset):
    def __init__(self, items: list[dict], transforms: Callable[[dict], Any]) -> None:
        self.items, self.transforms = items, transforms

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.transforms(dict(self.items[index]))


def rows(
    model: Any,
    config: str,
    folder: Path,
    device: str = 'cuda',
    clips: int = 48,
    frames: int = 16,
    rounds: int = 10,
    workers: int | None = None,
) -> list[Row]:
    """Speed, memory and waiting of a training step, in each of `PRECISIONS`.

    Args:
        model: of `config`.
        config: for its training pipeline.
        folder: empty, for the clips.
        device: of the model.
        clips: B.
        frames: T.
        rounds: of each measurement.
        workers: of the dataloader; None: the number of cores minus one.
    """
    model = model.to(device).train()
    workers = max(1, (os.cpu_count() or 2) - 1) if workers is None else workers
    first, batches = count_batches(rounds, workers)
    steps = Compose(Config.fromfile(config).train_pipeline)
    loaded = loader(clip_items(folder, clips, batches), steps, clips, workers)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=1e-9, momentum=0.9, weight_decay=1e-4, fused=True)
    case = Case(model, clips, frames, device)
    found = []
    for name, (products, dtype) in PRECISIONS.items():
        case.dtype = dtype
        with precision(products):
            runs = {
                'encoder': case.encoder_step,
                'ours': backward(model, case.fast),
                'reference': backward(model, case.reference),
            }
            times = wall_seconds(runs, device, rounds)
            step = train(model, optimizer, device, dtype)
            share = waiting_share(loaded, step, device, first)
            found += [
                median_row(f'{name}: clips per second', [clips / s for s in times['ours']]),
                ratio_row(f'{name}: training ÷ image encoder', times['ours'], times['encoder']),
                ratio_row(f'{name}: reference ÷ ours', times['reference'], times['ours']),
                Row(f'{name}: peak memory, GiB', peak_gib(runs['ours'], device)),
                Row(f'{name}: reference, GiB', peak_gib(runs['reference'], device)),
                Row(f'{name}: share of time waiting for data', share),
            ]
        model.zero_grad()
    return found
