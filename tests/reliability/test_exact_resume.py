"""A run that is interrupted and resumed ends bitwise equal to an uninterrupted one."""

from __future__ import annotations

import os
import random
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comparing import differences
from lengths import LONG
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from processes import in_processes
from small_runs import small_config, start

EPOCHS = 4
CONFIGS = ('dferclip_dfew', 'emoclip_mafw')
FEATURES: dict[str, dict[str, Any]] = {
    'plain': {},
    'dropout': dict(model__neck__dropout=0.3),
    'EMA': dict(custom_hooks=[dict(type='EMAHook', momentum=0.1)]),
    'schedule': dict(
        optim_wrapper__optimizer=dict(_delete_=True, type='AdamW', lr=0.005),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
            dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=EPOCHS, T_max=EPOCHS),
        ],
    ),
    'bf16': dict(optim_wrapper__type='AmpOptimWrapper', optim_wrapper__dtype='bfloat16'),
}
CELLS = [('dferclip_dfew', 'plain', 2), ('emoclip_mafw', 'schedule', 1)]
if LONG:
    CELLS = [*product(CONFIGS, FEATURES, (1, 2))]


@TRANSFORMS.register_module()
class AddDraws(BaseTransform):
    """Multiplies a clip's channels by one number of each of the three global generators."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        numbers = (random.random(), np.random.rand(), torch.rand(()).item())
        results['imgs'] = np.stack(results['imgs']) * np.float32(numbers)
        return results


def train(
    rank: int, cell: tuple, data: Path, work_dir: Path, workers: int, epochs: int, resume: bool
) -> int:
    """One process of a run of the shipped config at small size; how many iterations it made."""
    name, feature, processes = cell
    options = dict(optim_wrapper__optimizer__lr=0.05) | FEATURES[feature]
    cfg = small_config(name, data, work_dir, resume=resume, **options)
    cfg.train_cfg.max_epochs = epochs
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    for schedule in cfg.param_scheduler:
        # MMEngine's default is the end of the run.
        schedule.setdefault('end', EPOCHS)
    loader = cfg.train_dataloader
    loader.update(num_workers=workers, persistent_workers=workers > 0)
    steps = loader.dataset.pipeline
    steps.insert([step.type for step in steps].index('FormatShape'), dict(type='AddDraws'))
    if processes > 1:
        cfg.launcher = 'pytorch'
        os.environ['LOCAL_RANK'] = str(rank)
    runner = start(cfg)
    runner.train()
    return runner.iter


@pytest.mark.promise('Resuming', '4 epochs equal 2 + 2 epochs in new processes, bitwise')
@pytest.mark.promise('Resuming', 'The number of workers changes nothing')
@pytest.mark.parametrize('cell', CELLS, ids=str)
def test_four_epochs_equal_two_and_two(cell: tuple, corpora: Path, tmp_path: Path) -> None:
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'

    def run(folder: Path, workers: int, epochs: int = EPOCHS, resume: bool = False) -> list[int]:
        args = (cell, corpora, folder, workers, epochs, resume)
        return in_processes(train, *args, world=cell[2], fork=True)

    whole = run(straight, workers=0)
    assert run(halves, workers=2, epochs=EPOCHS // 2) == [count // 2 for count in whole]
    assert run(halves, workers=1, resume=True) == whole
    names = sorted(path.name for path in straight.glob('*.pth'))
    assert names == sorted(path.name for path in halves.glob('*.pth'))
    assert len([name for name in names if name.startswith('best')]) == 1
    for name in names:
        assert differences(straight / name, halves / name) == []
