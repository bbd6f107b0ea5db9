import os
from types import SimpleNamespace

import torch
from mmaction.registry import HOOKS, MODELS
from processes import in_processes
from small_runs import frozen_config, start, write_frozen_corpus

from dferclip_mm.checkpoints.load import read_checkpoint


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


def _train(rank, root):
    os.environ['LOCAL_RANK'] = str(rank)
    bits = []
    for epochs in (1, 2):
        cfg = frozen_config('dferclip_dfew_frozen', root, root / 'run')
        cfg.launcher, cfg.resume = 'pytorch', epochs == 2
        cfg.train_cfg.max_epochs = epochs
        runner = start(cfg)
        frozen = dict(runner.model.module.backbone.named_buffers())
        before = {name: value.clone() for name, value in frozen.items()}
        runner.train()
        bits.append((len(frozen), [n for n in frozen if not torch.equal(frozen[n], before[n])]))
    return bits


def test_frozen_weights_keep_their_bits_in_two_processes_and_a_resumed_run(tmp_path):
    root = write_frozen_corpus(tmp_path)
    for found in in_processes(_train, root, fork=True):
        assert all(count > 20 and changed == [] for count, changed in found)
    last = root / 'run/epoch_2.pth'
    stored = read_checkpoint(last)['state_dict']
    towers = [name for name in stored if 'visual' in name or 'text_encoder' in name]
    assert towers == ['backbone.visual_fingerprint', 'cls_head.text_encoder.text_fingerprint']
    cfg = frozen_config('dferclip_dfew_frozen', root, root / 'test')
    cfg.load_from = str(last)
    assert start(cfg).test()['dfer/WAR'] >= 0
