"""A signal to torchrun: its processes save, and the same command resumes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from lengths import LONG
from processes import in_processes
from small_runs import finish, launch, small_config, start

from dferclip_mm.engine.options import enable_resume, load_config

HOOKS = ('StrictLoadHook', 'ExactResumeHook', 'PreemptionHook')
# Steps of an epoch: 30 points in batches of 5 on 2 processes.
EPOCH = 3


def resume(rank: int, epochs: int) -> None:
    os.environ['LOCAL_RANK'] = str(rank)
    cfg = load_config('small.py', work_dir='run', launcher='pytorch')
    cfg.train_cfg.max_epochs = epochs
    enable_resume(cfg, 'auto')
    start(cfg).train()


@pytest.mark.promise('Resuming', 'A signal to `dist_train.sh` reaches its processes, which save')
@pytest.mark.parametrize('number', [signal.SIGINT, *([signal.SIGUSR1] if LONG else [])])
def test_torchrun_forwards_a_signal_and_the_run_resumes(number: int, work_dir: Path) -> None:
    cfg = small_config('toy', train_cfg=dict(by_epoch=True, max_epochs=10**5, val_interval=10**5))
    cfg.default_hooks.checkpoint = dict(type='AtomicCheckpointHook', interval=10**5)
    cfg.default_hooks.logger.interval = 1
    cfg.custom_hooks = [dict(type=kind) for kind in HOOKS]
    cfg.dump('small.py')
    options = ('--work-dir', 'run', '--resume')

    running = launch('small.py', 2, *options)
    assert running.stdout is not None
    assert any('Epoch(train)' in line for line in running.stdout)
    # torchrun by itself dies of SIGUSR1.
    running.send_signal(number)
    code, output = finish(running)
    assert code == 1, output[-2000:]
    meta = torch.load('run/preempted.pth', weights_only=True)['meta']
    assert meta['iter'] > 0
    assert meta['iter'] == EPOCH * meta['epoch'] + meta['batches_done']

    last = meta['epoch'] + 1
    in_processes(resume, last, fork=True)
    saved = torch.load(f'run/epoch_{last}.pth', weights_only=True)
    assert saved['meta']['iter'] == EPOCH * last
