"""A run that is interrupted and resumed ends bitwise equal to an uninterrupted one."""

from __future__ import annotations

import contextlib
import os
import random
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from comparing import differences
from lengths import LONG, only_long
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from processes import in_processes
from small_runs import SIDE, small_config, start

EPOCHS = 4
LAST = f'epoch_{EPOCHS}.pth'
CONFIGS = {'DFER-CLIP': 'dferclip_dfew', 'EmoCLIP': 'emoclip_mafw'}
FEATURES = ('augmentation', 'dropout', 'EMA', 'schedule', 'bf16')


class Cell(NamedTuple):
    """One combination of the matrix."""

    model: str
    feature: str
    workers: int
    processes: int


CELLS = [
    Cell('DFER-CLIP', 'augmentation', 2, 2),
    Cell('EmoCLIP', 'schedule', 0, 1),
]
if LONG:
    CELLS = [Cell(*values) for values in product(CONFIGS, FEATURES, (0, 2), (1, 2))]


@TRANSFORMS.register_module()
class AddDraws(BaseTransform):
    """Multiplies a clip's channels by one number of each of the three global generators."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        numbers = (random.random(), np.random.rand(), torch.rand(()).item())
        results['imgs'] = np.stack(results['imgs']) * np.float32(numbers)
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


def train(rank: int, cell: Cell, data: Path, work_dir: Path, stop: int, resume: bool) -> int:
    """One process of a run; the number of iterations that it made."""
    cfg = config(cell, data, work_dir)
    cfg.resume = resume
    if cell.processes > 1:
        cfg.launcher = 'pytorch'
        os.environ['LOCAL_RANK'] = str(rank)
    runner = start(cfg)
    runner.register_hook(StopHook(stop))
    with contextlib.suppress(InterruptedRunError):
        runner.train()
    return runner.iter


def run(cell: Cell, data: Path, work_dir: Path, stop: int = EPOCHS, resume: bool = False) -> Any:
    """A run in new processes: the number of iterations that each made."""
    args = (cell, data, work_dir, stop, resume)
    return in_processes(train, *args, world=cell.processes, fork=True)


@pytest.mark.promise('Resuming', '4 epochs equal 2 + 2 epochs in new processes, bitwise')
@pytest.mark.parametrize('cell', CELLS, ids=str)
def test_four_epochs_equal_two_and_two(cell, corpora, tmp_path):
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    whole = run(cell, corpora, straight)
    half = run(cell, corpora, halves, stop=EPOCHS // 2)
    rest = run(cell, corpora, halves, resume=True)
    assert half == [count // 2 for count in whole]
    assert rest == whole
    names = sorted(path.name for path in straight.glob('*.pth'))
    assert names == sorted(path.name for path in halves.glob('*.pth'))
    assert len([name for name in names if name.startswith('best')]) == 1
    for name in names:
        assert differences(straight / name, halves / name) == []


@pytest.mark.promise('Resuming', 'The number of workers changes nothing')
@only_long
def test_the_number_of_workers_does_not_matter(corpora, tmp_path):
    for workers in (0, 1, 2, 4):
        run(Cell('DFER-CLIP', 'augmentation', workers, 1), corpora, tmp_path / str(workers))
        assert differences(tmp_path / '0' / LAST, tmp_path / str(workers) / LAST) == []
