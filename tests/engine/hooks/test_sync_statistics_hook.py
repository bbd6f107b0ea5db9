"""Statistics are averaged over processes; weights that are frozen stay as they are, to the bit."""

import os
from types import SimpleNamespace

import pytest
import torch
from frozen_runs import frozen_config, write_corpus
from mmaction.registry import HOOKS, MODELS
from mmengine.hooks import SyncBuffersHook
from processes import in_processes
from small_runs import ARCH, start

from dferclip_mm.checkpoints.load import read_checkpoint


def _synchronise(rank, weights, hook):
    torch.manual_seed(0)
    encoder = dict(type='CLIPTextEncoder', arch=ARCH)
    model = torch.nn.ModuleDict(
        dict(
            rebuilt=MODELS.build(encoder | dict(pretrained=weights)),
            stored=MODELS.build(encoder),
            norm=torch.nn.BatchNorm1d(2),
            pixels=MODELS.build(dict(type='ActionDataPreprocessor', mean=[123.7], std=[58.4])),
        )
    )
    model.norm.running_mean.fill_(rank)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    HOOKS.build(dict(type=hook)).after_train_epoch(SimpleNamespace(model=model))
    after = dict(model.named_buffers())
    return after['norm.running_mean'], [
        name for name, buffer in before.items() if not torch.equal(buffer, after[name])
    ]


# Three: the mean of three equal floats may differ from them in the last bit.
@pytest.mark.parametrize('hook', ['SyncStatisticsHook', SyncBuffersHook.__name__])
def test_three_processes(tmp_path, hook):
    root = write_corpus(tmp_path)
    found = in_processes(_synchronise, str(root / 'clip.pt'), hook, world=3, fork=True)
    for rank, (mean, changed) in enumerate(found):
        assert mean.tolist() == [1, 1]
        if hook == 'SyncStatisticsHook':
            assert changed == ([] if rank == 1 else ['norm.running_mean'])
        # The mark of frozen weights comes through the host's hook as well.
        assert not any(name.endswith('_fingerprint') for name in changed)


def _train(rank, root):
    os.environ['LOCAL_RANK'] = str(rank)
    for epochs in (1, 2):
        cfg = frozen_config('dferclip_dfew_frozen', root, root / 'run')
        cfg.launcher, cfg.resume = 'pytorch', epochs == 2
        cfg.train_cfg.max_epochs = epochs
        start(cfg).train()


def test_what_two_processes_trained_over_pretrained_weights_is_resumed_and_tested(tmp_path):
    root = write_corpus(tmp_path)
    in_processes(_train, root)
    last = root / 'run/epoch_2.pth'
    assert 'cls_head.text_encoder.text_fingerprint' in read_checkpoint(last)['state_dict']
    cfg = frozen_config('dferclip_dfew_frozen', root, root / 'test')
    cfg.load_from = str(last)
    assert start(cfg).test()['dfer/WAR'] >= 0
