"""How cost is measured: time as paired ratios; memory and operations by counting."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.registry import init_default_scope
from torch.utils.flop_counter import FlopCounterMode

Run = Callable[[], Any]


def prepare() -> None:
    """Use one thread, and MMAction2's registries."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    init_default_scope('mmaction')


def in_own_process(part: Callable[..., Any], *args: Any) -> Any:
    """Measure a part in a process of its own, as a worker of a dataloader is one.

    Memory that earlier models have freed would favour the side that allocates more.
    """
    # Not a Pool: its processes may not start a loader's workers.
    with ProcessPoolExecutor(1, get_context('spawn'), prepare) as pool:
        return pool.submit(part, *args).result()


def seconds(run: Run) -> float:
    """CPU time of this process, which other processes on the machine hardly influence."""
    start = time.process_time()
    run()
    return time.process_time() - start


def interleaved(
    runs: Mapping[str, Run], rounds: int = 3, warm: bool = True
) -> dict[str, list[float]]:
    """Seconds of each run in each round; every second round is in reverse order.

    Args:
        runs: by name.
        rounds: repetitions of each run.
        warm: whether one more round runs first and is not counted.
    """
    if warm:
        for run in runs.values():
            run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            found[name].append(seconds(runs[name]))
    return found


def saved_bytes(forward: Run, parameters: Iterable[torch.Tensor]) -> int:
    """Bytes saved for the backward pass: each storage counts once, weights do not."""
    weights = {tensor.untyped_storage()._cdata for tensor in parameters}
    sizes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            sizes[storage._cdata] = storage.nbytes()
        # Detached, or the graph would hold itself.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        # Kept alive, so that no new storage gets the address of a freed one.
        outputs = forward()
    del outputs
    return sum(sizes.values())


def flops(run: Run) -> int:
    """Floating-point operations of the matrix products of a run."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def machine() -> str:
    """Processor, memory and versions, in one line."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
    name = names[0] if names else platform.processor() or platform.machine()
    parts = [name, f'{os.cpu_count()} cores']
    if hasattr(os, 'sysconf') and 'SC_PHYS_PAGES' in os.sysconf_names:
        memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
        parts.append(f'{memory / 2**30:.0f} GiB')
    versions = f'PyTorch {torch.__version__}, Python {platform.python_version()}'
    return f'{", ".join(parts)}; one thread; {versions}'
