"""A run of seconds for the programs in tools/: a linear model on points, through MMEngine."""

from __future__ import annotations

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.model import BaseModel
from torch.utils.data import Dataset

CLASSES = ('low', 'middle', 'high')


@DATASETS.register_module()
class ToyPoints(Dataset):
    """Points whose class is read off their first coordinate; each fold has other points."""

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
    """One linear layer from 2 coordinates to 3 scores; 3 processes could share it."""

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
