"""Small training runs in processes of their own, and their checkpoints compared at tolerance 0.

The processes are forked by a server that has imported everything and computed nothing, since
autograd does not work in a fork of a process that has used it.
"""

from __future__ import annotations

import contextlib
import gc
import math
import multiprocessing
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from small_runs import SIDE, small_config, start

import dferclip_mm  # noqa: F401 - registers the components

EPOCHS = 4
CONFIGS = {'DFER-CLIP': 'dferclip_dfew', 'EmoCLIP': 'emoclip_mafw'}
FEATURES = ('augmentation', 'dropout', 'EMA', 'schedule', 'bf16')
# What differs between two equal runs: clocks, and where they write.
CLOCKS = ('time', 'data_time', 'memory', 'eta')
PLACES = ('cfg', 'config_text', 'last_ckpt', 'best_ckpt', 'experiment_name')


@dataclass(frozen=True)
class Cell:
    """One combination of the matrix."""

    model: str
    feature: str
    workers: int
    processes: int

    def __str__(self) -> str:
        return f'{self.model}-{self.feature}-{self.workers}w-{self.processes}p'


def matrix() -> list[Cell]:
    """All 40 combinations."""
    return [Cell(*values) for values in product(CONFIGS, FEATURES, (0, 2), (1, 2))]


@TRANSFORMS.register_module()
class AddDraws(BaseTransform):
    """Adds one number of each of the three global generators to a clip's values."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``imgs`` keeps its shape."""
        numbers = (random.random(), np.random.rand(), torch.rand(()).item())
        imgs = np.stack(results['imgs']).astype(np.float32)
        for channel, number in enumerate(numbers):
            imgs[..., channel] = imgs[..., channel] * number
        results['imgs'] = imgs
        return results


class InterruptedRunError(Exception):
    """What an interrupted run ends with."""


class StopHook(Hook):
    """Ends the run before an epoch begins."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def before_train_epoch(self, runner: Any) -> None:
        if runner.epoch == self.epoch:
            raise InterruptedRunError


def config(cell: Cell, data: Path, work_dir: Path) -> Any:
    """The shipped config at small size, with what the cell asks for."""
    cfg = small_config(CONFIGS[cell.model], data, work_dir)
    cfg.train_cfg.max_epochs = EPOCHS
    cfg.optim_wrapper.optimizer.lr = 0.05
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    loader = cfg.train_dataloader
    loader.update(num_workers=cell.workers, persistent_workers=cell.workers > 0)
    if cell.feature == 'augmentation':
        steps = loader.dataset.pipeline
        resized = next(i for i, step in enumerate(steps) if step.type == 'FormatShape')
        steps[resized:resized] = [
            dict(type='ColorJitter', brightness=0.4),
            dict(type='RandomResizedCrop', area_range=(0.3, 1.0)),
            dict(type='Resize', scale=(SIDE, SIDE), keep_ratio=False),
            dict(type='TorchVisionWrapper', op='ColorJitter', contrast=0.4),
            dict(type='AddDraws'),
        ]
    elif cell.feature == 'dropout':
        cfg.model.neck.dropout = 0.3
    elif cell.feature == 'EMA':
        cfg.custom_hooks = [dict(type='EMAHook', momentum=0.1)]
    elif cell.feature == 'schedule':
        cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=0.005)
        cfg.param_scheduler = [
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
            dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=EPOCHS, T_max=EPOCHS),
        ]
    elif cell.feature == 'bf16':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype='bfloat16')
    return cfg


def train(
    rank: int,
    cell: Cell,
    data: Path,
    work_dir: Path,
    stop: int | None,
    resume: bool,
    seed: int,
) -> int:
    """One process of a run; the number of iterations that it made."""
    cfg = config(cell, data, work_dir)
    cfg.resume = resume
    cfg.randomness.seed = seed
    if cell.processes > 1:
        cfg.launcher = 'pytorch'
        os.environ['LOCAL_RANK'] = str(rank)
    runner = start(cfg)
    if stop is not None:
        runner.register_hook(StopHook(stop))
    with contextlib.suppress(InterruptedRunError):
        runner.train()
    return runner.iter


def _enter(rank: int, world: int, folder: str, log: str, function: Any, args: tuple) -> None:
    # Keep the log of each run out of the test's output.
    out = os.open(f'{log}.{rank}.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    # Python would often collect the garbage of all that was imported.
    gc.freeze()
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    if world > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=world
        )
    torch.save(function(rank, *args), f'{folder}/{rank}.pt')
    if world > 1:
        torch.distributed.destroy_process_group()


def forked(function: Any, *args: Any, world: int, folder: Path) -> list[Any]:
    """What ``function(rank, *args)`` returns in each of `world` new processes.

    Raises:
        RuntimeError: with the end of the process's output, when one fails.
    """
    context = multiprocessing.get_context('forkserver')
    # Python 3.11 does not hand its server the path that it is told to.
    os.environ['PYTHONPATH'] = os.pathsep.join(sys.path)
    context.set_forkserver_preload([__name__])
    folder.mkdir(parents=True)
    log = str(folder / 'output')
    processes = [
        context.Process(target=_enter, args=(rank, world, str(folder), log, function, args))
        for rank in range(world)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    for rank, process in enumerate(processes):
        if process.exitcode != 0:
            text = Path(f'{log}.{rank}.txt').read_text()[-3000:]
            process.kill()
            raise RuntimeError(f'process {rank} ended with {process.exitcode}:\n{text}')
    return [torch.load(folder / f'{rank}.pt', weights_only=False) for rank in range(world)]


def run(
    cell: Cell,
    data: Path,
    work_dir: Path,
    *,
    stop: int | None = None,
    resume: bool = False,
    seed: int = 1,
) -> list[int]:
    """A run in new processes: the number of iterations that each made."""
    scratch = work_dir.parent / f'{work_dir.name}_{"resumed" if resume else "begun"}'
    args = (cell, data, work_dir, stop, resume, seed)
    return forked(train, *args, world=cell.processes, folder=scratch)


def leaves(content: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    """All values in nested mappings and lists, with the keys that lead to them.

    What is empty is a value, too: else nothing would tell a lost one from one that was never there.
    """
    if isinstance(content, HistoryBuffer):
        content = {'history': content.data[0], 'counts': content.data[1]}
    if isinstance(content, dict | list | tuple) and not content:
        yield name, 'an empty dict' if isinstance(content, dict) else 'an empty list'
    elif isinstance(content, dict):
        for key, part in content.items():
            if str(key) in PLACES or str(key).rpartition('/')[2] in CLOCKS:
                continue
            yield from leaves(part, f'{name}.{key}')
    elif isinstance(content, list | tuple):
        for key, part in enumerate(content):
            yield from leaves(part, f'{name}.{key}')
    elif hasattr(content, 'state_dict'):
        yield from leaves(content.state_dict(), name)
    else:
        yield name, content


def equal(first: Any, second: Any) -> bool:
    """Whether two values are the same to the bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, torch.Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        return same and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second)
    if isinstance(first, float) and math.isnan(first):
        return math.isnan(second)
    return first == second


def differences(first: Path, second: Path) -> tuple[list[str], int]:
    """Names of the values that differ between two checkpoints, and how many tensors they hold."""
    one, two = (
        dict(leaves(CheckpointLoader.load_checkpoint(str(path), map_location='cpu')))
        for path in (first, second)
    )
    found = sorted(one.keys() ^ two.keys())
    found += [name for name in one.keys() & two.keys() if not equal(one[name], two[name])]
    return found, sum(isinstance(value, torch.Tensor) for value in one.values())
