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

from .corpus import draw_clips
from .measure import Run
from .models import Case, autocast, backward
from .table import Row, compared, over_rounds

# What float32 products are computed in, and what autocast takes.
PRECISIONS: dict[str, tuple[str, torch.dtype | None]] = {
    'float32': ('highest', None),
    'TF32': ('high', None),
    'bfloat16': ('highest', torch.bfloat16),
}
# Batches that each worker makes ahead.
PREFETCH = 4


@contextmanager
def precision(products: str) -> Iterator[None]:
    """Compute float32 products with as many digits.

    Autocast is not entered here but in each forward pass, or weights that change would be computed
    with as they were in the first one.
    """
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = products == 'high'
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device != 'cpu':
        torch.get_device_module(device).synchronize()


def wall_seconds(runs: Mapping[str, Run], device: str, rounds: int) -> dict[str, list[float]]:
    """The times of runs that alternate on a device, after two rounds to warm up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            wait(device)
            start = time.perf_counter()
            run()
            wait(device)
            found[name].append(time.perf_counter() - start)
    return {name: times[2:] for name, times in found.items()}


def peak_gib(run: Run, device: str) -> float:
    """The most memory that a run holds on a device, GiB; nothing is known of the CPU's."""
    if device == 'cpu':
        return float('nan')
    memory = torch.get_device_module(device)
    memory.reset_peak_memory_stats()
    run()
    wait(device)
    return memory.max_memory_allocated() / 2**30


def batches_to_load(rounds: int, workers: int) -> tuple[int, int]:
    """How many batches a loop takes before it is timed, and how many in all.

    Workers start together and hand in their first batches together: those say nothing of a run.
    Two of each worker at least are timed.
    """
    first = max(1, workers * PREFETCH)
    return first, first + max(rounds, 2 * workers)


def waiting_share(
    batches: Iterable[Any], step: Callable[[Any], Any], device: str, first: int = 1
) -> float:
    """The share of time in which a training loop waits for its next batch, after the first ones."""
    iterator = iter(batches)
    for _ in range(first):
        step(next(iterator))
    wait(device)
    waiting, start = 0.0, time.perf_counter()
    while True:
        asked = time.perf_counter()
        try:
            batch = next(iterator)
        except StopIteration:
            break
        waiting += time.perf_counter() - asked
        step(batch)
        wait(device)
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


def clips_to_load(folder: Path, clips: int, batches: int) -> list[dict]:
    """What a pipeline takes, for so many batches of clips that are drawn first."""
    paths = draw_clips(folder, min(clips, 48))
    return [
        dict(filename=str(paths[n % len(paths)]), label=n % 7, modality='RGB', start_index=0)
        for n in range(clips * batches)
    ]


def loader(
    items: list[dict], transforms: Callable[[dict], Any], clips: int, workers: int
) -> Iterable[Any]:
    """Items through a pipeline, in batches."""
    return torch.utils.data.DataLoader(
        _Clips(items, transforms),
        batch_size=clips,
        num_workers=workers,
        collate_fn=pseudo_collate,
        # Processes that are forked beside a GPU's threads can hang.
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
        config: its training pipeline is what data is waited for.
        folder: empty, for the clips.
        device: where it runs.
        clips: B.
        frames: T.
        rounds: of each measurement.
        workers: of the loader; None for one less than the machine has cores.
    """
    model = model.to(device).train()
    workers = max(1, (os.cpu_count() or 2) - 1) if workers is None else workers
    first, batches = batches_to_load(rounds, workers)
    steps = Compose(Config.fromfile(config).train_pipeline)
    loaded = loader(clips_to_load(folder, clips, batches), steps, clips, workers)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=1e-9, momentum=0.9, weight_decay=1e-4, fused=True)
    case = Case(model, clips, frames, device)
    found = []
    for name, (products, dtype) in PRECISIONS.items():
        case.dtype = dtype
        with precision(products):
            runs = {
                'limit': case.encoder_step,
                'ours': backward(model, case.fast),
                'plain way': backward(model, case.plain),
            }
            times = wall_seconds(runs, device, rounds)
            step = train(model, optimizer, device, dtype)
            share = waiting_share(loaded, step, device, first)
            found += [
                over_rounds(f'{name}: clips per second', [clips / s for s in times['ours']]),
                compared(f'{name}: training ÷ image encoder', times['ours'], times['limit']),
                compared(f'{name}: plain way ÷ ours', times['plain way'], times['ours']),
                Row(f'{name}: peak memory, GiB', peak_gib(runs['ours'], device)),
                Row(f'{name}: plain way, GiB', peak_gib(runs['plain way'], device)),
                Row(f'{name}: share of time waiting for data', share),
            ]
        model.zero_grad()
    return found
