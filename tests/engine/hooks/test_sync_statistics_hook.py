from types import SimpleNamespace

import torch
from mmaction.registry import HOOKS, MODELS
from processes import in_processes


def _average(rank):
    model = torch.nn.ModuleDict(
        dict(
            norm=torch.nn.BatchNorm1d(2),
            frozen=torch.nn.BatchNorm1d(2).eval(),
            pixels=MODELS.build(dict(type='ActionDataPreprocessor', mean=[123.7], std=[58.4])),
        )
    )
    model.norm.running_mean.fill_(rank)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    HOOKS.build(dict(type='SyncStatisticsHook')).after_train_epoch(SimpleNamespace(model=model))
    changed = [n for n, buffer in model.named_buffers() if not torch.equal(buffer, before[n])]
    return model.norm.running_mean, changed


def test_three_processes_average_the_statistics_and_nothing_else():
    """Three: the mean of three equal floats may differ from them in the last bit."""
    for rank, (mean, changed) in enumerate(in_processes(_average, world=3, fork=True)):
        assert mean.tolist() == [1, 1]
        assert changed == ([] if rank == 1 else ['norm.running_mean'])
