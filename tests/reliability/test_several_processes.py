"""Runs of several processes: one dies, torchrun gets a signal, a hundred epochs go by."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import differences
from lengths import LONG, only_long
from mini_corpora import write_dfew
from mmengine.hooks import Hook
from processes import in_processes
from small_runs import finish, launch, small_config, start

from dferclip_mm.engine.options import enable_resume, load_config

PROCESSES = 2 if LONG else 1
# Steps of an epoch: 30 points in batches of 5.
EPOCH = 6 // PROCESSES


def write_config(epochs: int, *hooks: dict, interval: int = 1) -> None:
    """The toy run with momentum and a schedule, as ``small.py``."""
    train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=interval)
    cfg = small_config('toy', train_cfg=train_cfg)
    cfg.default_hooks.checkpoint.update(type='AtomicCheckpointHook', interval=interval)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    cfg.default_hooks.logger.interval = 1
    cfg.optim_wrapper.optimizer.momentum = 0.9
    cfg.param_scheduler = dict(type='MultiStepLR', milestones=[2], gamma=0.1)
    cfg.custom_hooks = [*hooks]
    cfg.dump('small.py')


def train(folder: str, *options: str, resume: bool = False, **environment: str) -> tuple[int, str]:
    """Train on 2 processes, or briefly on one, of which one dies: exit code and output."""
    write_config(4, dict(type='DieOnce', rank=1, step=-1))
    words = ['--work-dir', folder, *['--resume'] * resume, '--cfg-options', 'randomness.seed=0']
    words += [f'custom_hooks.0.{option}' for option in options]
    return finish(launch('small.py', PROCESSES, *words, **environment))


@pytest.mark.promise(
    'Several processes', 'A killed process ends the others, and the last message names it'
)
@only_long
@pytest.mark.parametrize('rank', [0, 1])
def test_a_killed_process_stops_the_others(rank: int, work_dir: Path) -> None:
    code, said = train('run', 'step=4', f'rank={rank}')
    assert code == 1
    # What torchrun prints last: the process that failed first.
    cause = ' '.join(said.rsplit('Root Cause', 1)[1].split())
    assert f'rank : {rank}' in cause
    assert 'Signal 9 (SIGKILL)' in cause
    assert [path.name for path in Path('run').glob('epoch_*.pth')] == ['epoch_1.pth']


# Within an epoch; at the first step of all; just after a checkpoint.
DEATHS = [(PROCESSES - 1, EPOCH + 1, 1)]
if LONG:
    DEATHS += [(0, 0, 2), (1, 2 * EPOCH, 1)]


@pytest.mark.promise(
    'Several processes', '`MAX_RESTARTS` with `--resume` ends bitwise equal to an undisturbed run'
)
@pytest.mark.parametrize(('rank', 'step', 'times'), DEATHS)
def test_a_restarted_run_ends_bitwise_equal(
    rank: int, step: int, times: int, work_dir: Path
) -> None:
    options = (f'rank={rank}', f'step={step}', f'times={times}')
    code, said = train('again', *options, resume=True, MAX_RESTARTS='2')
    assert code == 0, said[-3000:]
    assert Path('again/died').read_text() == str(times)
    assert Path('again/epoch_4.pth').is_file()
    if LONG:
        # The same config, with the deaths behind it.
        Path('straight').mkdir()
        Path('straight/died').write_text(str(times))
        assert train('straight', *options)[0] == 0
        assert differences(Path('straight/epoch_4.pth'), Path('again/epoch_4.pth')) == []


def test_restarts_without_resume_are_refused(work_dir: Path) -> None:
    code, said = train('run', 'step=4', MAX_RESTARTS='2')
    assert code == 2
    assert said.strip().endswith('would train from the beginning')
    assert not Path('run').exists()


def resume_until(rank: int, epochs: int) -> None:
    os.environ['LOCAL_RANK'] = str(rank)
    cfg = load_config('small.py', work_dir='run', launcher='pytorch')
    cfg.train_cfg.max_epochs = epochs
    enable_resume(cfg, 'auto')
    start(cfg).train()


@pytest.mark.promise('Resuming', 'A signal to `dist_train.sh` reaches its processes, which save')
@pytest.mark.parametrize('number', [signal.SIGINT, *([signal.SIGUSR1] if LONG else [])])
def test_torchrun_forwards_a_signal_and_the_run_resumes(number: int, work_dir: Path) -> None:
    kinds = ('StrictLoadHook', 'ExactResumeHook', 'PreemptionHook')
    write_config(10**5, *(dict(type=kind) for kind in kinds), interval=10**5)
    running = launch('small.py', 2, '--work-dir', 'run', '--resume')
    assert running.stdout is not None
    assert any('Epoch(train)' in line for line in running.stdout)
    # torchrun by itself dies of SIGUSR1.
    running.send_signal(number)
    code, output = finish(running)
    assert code == 1, output[-2000:]
    meta = torch.load('run/preempted.pth', weights_only=True)['meta']
    assert meta['iter'] > 0
    # Three steps in an epoch.
    assert meta['iter'] == 3 * meta['epoch'] + meta['batches_done']
    last = meta['epoch'] + 1
    in_processes(resume_until, last, fork=True)
    saved = torch.load(f'run/epoch_{last}.pth', weights_only=True)
    assert saved['meta']['iter'] == 3 * last


class Watch(Hook):
    """Notes the memory, open files and threads of this process at the start of each epoch."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def before_train_epoch(self, runner: Any) -> None:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        listed = (len(list(Path('/proc/self', name).iterdir())) for name in ('fd', 'task'))
        self.seen.append((pages, *listed))


def soak(rank: int, folder: Path, epochs: int) -> list[tuple[int, ...]]:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.chdir(folder)
    cfg = small_config('dferclip_dfew', folder, Path('run'), train_cfg__val_interval=1)
    cfg.train_cfg.max_epochs, cfg.launcher = epochs, 'pytorch'
    # New workers for every epoch, in one of the three loaders.
    cfg.val_dataloader.num_workers = 1
    runner, watch = start(cfg), Watch()
    runner.register_hook(watch)
    runner.train()
    # By the tenth every buffer has its size and every module is imported.
    return watch.seen[10:]


@only_long
@pytest.mark.promise('Several processes', 'Memory, open files and threads do not grow over epochs')
def test_memory_and_open_files_stay(tmp_path: Path) -> None:
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    for seen in in_processes(soak, tmp_path, 100):
        memory, files, threads = zip(*seen, strict=True)
        third = len(memory) // 3
        assert max(memory[-third:]) < 1.05 * max(memory[:third])
        assert (min(files), max(files)) == (files[0], files[0])
        assert max(threads) == threads[0]
    assert not (tmp_path / '.dist_test').exists()
    assert len(list((tmp_path / 'run').glob('*.pth'))) <= 2
