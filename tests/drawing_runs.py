"""A model and a dataset that only draw random numbers, and record them."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner

from dferclip_mm.engine.hooks import ExactResumeHook

# MMEngine keeps loggers by name.
_NUMBER = itertools.count()


def three_numbers() -> tuple[float, float, float]:
    """One number of each global generator."""
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@DATASETS.register_module(force=True)
class DrawingDataset(BaseDataset):
    """`size` samples: their index, and three numbers drawn for each."""

    def __init__(self, size: int = 6) -> None:
        self.size = size
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(number=number) for number in range(self.size)]

    def prepare_data(self, idx: int) -> Any:
        return (self.get_data_info(idx)['number'], *three_numbers())


@MODELS.register_module(force=True)
class DrawingModel(BaseModel):
    """Keeps each batch, and what it drew for it itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple] = []

    def forward(self, *batch: Any, mode: str = 'loss') -> dict[str, torch.Tensor]:
        self.seen.append((tuple(zip(*batch, strict=True)), three_numbers()))
        return dict(loss=self.weight * 1.0)


def drawing_run(work_dir: Path, *, loader: Any = None, seed: int | None = 3, **settings: Any):
    """A runner of the two, with `ExactResumeHook`; `settings` are MMEngine's."""
    cfg = dict(
        model=dict(type='DrawingModel'),
        train_cfg=dict(by_epoch=True, max_epochs=4),
        custom_hooks=[ExactResumeHook()],
        randomness=dict(seed=seed),
        default_hooks=dict(logger=None),
        default_scope='mmengine',
        experiment_name=f'{work_dir.name}_{next(_NUMBER)}',
        visualizer=dict(type='Visualizer', name=f'{work_dir.name}_{next(_NUMBER)}'),
    )
    return Runner(
        work_dir=str(work_dir),
        train_dataloader=dict(
            dict(
                batch_size=2,
                num_workers=0,
                dataset=dict(type='DrawingDataset'),
                sampler=dict(type='DefaultSampler', shuffle=True),
                collate_fn=dict(type='pseudo_collate'),
            ),
            **(loader or {}),
        ),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        **{**cfg, **settings},
    )


def trained(work_dir: Path, **settings: Any) -> list[tuple]:
    """What the model of a run saw and drew, by iteration."""
    runner = drawing_run(work_dir, **settings)
    runner.train()
    return runner.model.seen
