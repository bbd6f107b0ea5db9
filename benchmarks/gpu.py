"""The paper's batch on a GPU: speed in three precisions, memory, and waiting for data."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import pseudo_collate

from .data import draw_clips, pipeline
from .measure import Run
from .models import Case, Row, backward

# What float32 products are computed in, and what autocast takes.
PRECISIONS: dict[str, tuple[str, torch.dtype | None]] = {
    'float32': ('highest', None),
    'TF32': ('high', None),
    'bfloat16': ('highest', torch.bfloat16),
}


@contextmanager
def precision(name: str, device: str) -> Iterator[None]:
    """Compute in one of `PRECISIONS`."""
    products, dtype = PRECISIONS[name]
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = products == 'high'
    try:
        with torch.autocast(device, dtype=dtype, enabled=dtype is not None):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device != 'cpu':
        torch.get_device_module(device).synchronize()


def wall_seconds(run: Run, device: str, rounds: int) -> float:
    """The median time of a run on a device, after two to warm up."""
    found = []
    for _ in range(rounds + 2):
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        found.append(time.perf_counter() - start)
    return statistics.median(found[2:])


def peak_gib(run: Run, device: str) -> float:
    """The most memory that a run holds on a device, GiB; nothing is known of the CPU's."""
    if device == 'cpu':
        return float('nan')
    memory = torch.get_device_module(device)
    memory.reset_peak_memory_stats()
    run()
    wait(device)
    return memory.max_memory_allocated() / 2**30


def waiting_share(batches: Iterable[Any], step: Callable[[Any], Any], device: str) -> float:
    """The share of time in which a training loop waits for its next batch, the first left out."""
    iterator = iter(batches)
    step(next(iterator))
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


def train(model: Any, optimizer: torch.optim.Optimizer) -> Callable[[Any], None]:
    """One training step from what the loader gives."""

    def step(batch: Any) -> None:
        data = model.data_preprocessor(batch, True)
        losses = model(**data, mode='loss')
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def loader(config: str, folder: Path, clips: int, batches: int, workers: int) -> Iterable[Any]:
    """Batches of the training pipeline of a config, over clips that are drawn first."""
    paths = draw_clips(folder, min(clips, 48))
    items = [
        dict(filename=str(paths[n % len(paths)]), label=n % 7, modality='RGB', start_index=0)
        for n in range(clips * batches)
    ]
    transforms = pipeline(config)
    return torch.utils.data.DataLoader(
        _Clips(items, transforms),
        batch_size=clips,
        num_workers=workers,
        collate_fn=pseudo_collate,
        # Processes that are forked beside a GPU's threads can hang.
        multiprocessing_context='forkserver' if workers else None,
        prefetch_factor=4 if workers else None,
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
    batches = loader(config, folder, clips, rounds, workers)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=1e-9, momentum=0.9, weight_decay=1e-4, fused=True)
    case = Case(model, clips, frames, device)
    found = []
    for name in PRECISIONS:
        with precision(name, device):
            runs = {
                'limit': case.encoder_step,
                'ours': backward(model, case.fast),
                'plain way': backward(model, case.plain),
            }
            time_of = {key: wall_seconds(run, device, rounds) for key, run in runs.items()}
            found += [
                Row(f'{name}: clips per second', clips / time_of['ours'], ''),
                Row(f'{name}: training ÷ image encoder', time_of['ours'] / time_of['limit'], ''),
                Row(f'{name}: plain way ÷ ours', time_of['plain way'] / time_of['ours'], ''),
                Row(f'{name}: peak memory, GiB', peak_gib(runs['ours'], device), ''),
                Row(f'{name}: plain way, GiB', peak_gib(runs['plain way'], device), ''),
            ]
            share = waiting_share(batches, train(model, optimizer), device)
            found.append(Row(f'{name}: share of time waiting for data', share, ''))
            model.zero_grad()
    return found
