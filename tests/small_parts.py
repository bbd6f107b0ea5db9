"""Components of the smallest runs: a linear model on points, and hooks that record or fail.

Configs import this module by name, in new processes too.
"""

from __future__ import annotations

import json
import os
import random
import signal
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import DATASETS, HOOKS, MODELS
from mmengine.dataset import BaseDataset
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch.utils.data import Dataset

CLASSES = ('low', 'middle', 'high')


@DATASETS.register_module()
class ToyPoints(Dataset):
    """Points whose first coordinate decides their class; each fold has other points."""

    metainfo = {'classes': CLASSES}

    def __init__(self, size: int = 30, fold: int = 1) -> None:
        generator = torch.Generator().manual_seed(fold)
        self.labels = torch.arange(size) % len(CLASSES)
        self.points = torch.rand(size, 2, generator=generator)
        self.points[:, 0] += self.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict:
        return {
            'inputs': self.points[index],
            'data_samples': {
                'gt_label': self.labels[index],
                'sample_idx': index,
                'filename': f'point_{index}',
            },
        }


@MODELS.register_module()
class ToyClassifier(BaseModel):
    """One linear layer from 2 coordinates to 3 scores."""

    def __init__(self, hidden: int = 0) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, len(CLASSES))
        if hidden:
            self.extra = torch.nn.Linear(hidden, hidden)

    def forward(self, inputs: torch.Tensor, data_samples: dict, mode: str = 'tensor'):
        scores = self.linear(inputs)
        if mode == 'loss':
            loss = torch.nn.functional.cross_entropy(scores, data_samples['gt_label'])
            return {'loss': loss + 0 * sum(value.sum() for value in self.parameters())}
        return [
            {
                'pred_score': score,
                'gt_label': data_samples['gt_label'][place],
                'sample_idx': int(data_samples['sample_idx'][place]),
                'filename': data_samples['filename'][place],
            }
            for place, score in enumerate(scores)
        ]


def three_numbers() -> tuple[float, float, float]:
    """One number of each global generator."""
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@DATASETS.register_module()
class DrawingDataset(BaseDataset):
    """`size` samples: their index, and three numbers drawn for each."""

    def __init__(self, size: int = 6) -> None:
        self.size = size
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(number=number) for number in range(self.size)]

    def prepare_data(self, idx: int) -> tuple[float, ...]:
        return (self.get_data_info(idx)['number'], *three_numbers())


@MODELS.register_module()
class DrawingModel(BaseModel):
    """Keeps each batch, and what it drew for it itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple] = []

    def forward(self, *batch: Any, mode: str = 'loss') -> dict[str, torch.Tensor]:
        self.seen.append((tuple(zip(*batch, strict=True)), three_numbers()))
        return dict(loss=self.weight * 1.0)


@HOOKS.register_module()
class RecordSteps(Hook):
    """Writes the loss and the clips of every step, one file for each process."""

    def before_run(self, runner) -> None:
        self.losses, self.clips = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.losses.append(float(outputs['loss_cls'].detach()))
        self.clips.append([sample.sample_idx for sample in data_batch['data_samples']])

    def after_run(self, runner) -> None:
        path = Path(runner.work_dir) / f'rank_{get_rank()}.json'
        path.write_text(json.dumps(dict(losses=self.losses, clips=self.clips)))


def recorded_steps(folder: str) -> tuple[list[float], list[list[int]]]:
    """The mean loss and the clips of every step over all processes of a run."""
    ranks = [json.loads(path.read_text()) for path in sorted(Path(folder).glob('rank_*.json'))]
    losses = [sum(step) / len(step) for step in zip(*(r['losses'] for r in ranks), strict=True)]
    clips = [sorted(chain(*step)) for step in zip(*(r['clips'] for r in ranks), strict=True)]
    return losses, clips


@HOOKS.register_module()
class DieOnce(Hook):
    """Kills process `rank` at a step, counted from 0 over all epochs: `times`, over restarts."""

    def __init__(self, rank: int, step: int, times: int = 1) -> None:
        self.rank, self.step, self.times = rank, step, times

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if get_rank() != self.rank or runner.iter != self.step:
            return
        died = Path(runner.work_dir) / 'died'
        before = int(died.read_text()) if died.is_file() else 0
        if before < self.times:
            died.write_text(str(before + 1))
            os.kill(os.getpid(), signal.SIGKILL)
