"""SIGTERM and SIGUSR1: the run saves after the iteration, and a resumed one ends the same."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import differences
from killing import config, train
from lengths import LONG
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from processes import in_fork, in_processes
from small_parts import ToyPoints

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE, SIGNALS

# 18 iterations in 3 epochs of 6. The first and the last of an epoch, and between.
MOMENTS = [1, 2, 5, 6, 7, 10, 12, 13, 17, 18] if LONG else [6, 9]


@HOOKS.register_module(force=True)
class TermHook(Hook):
    """Sends process `rank` a signal in iteration `at`, or in what comes after it."""

    priority = 'LOW'

    def __init__(self, at: int, number: int, rank: int = 0, when: str = 'train_iter') -> None:
        self.at, self.number, self.rank = at, number, rank
        setattr(self, f'after_{when}', self._send)

    def _send(self, runner: Any, batch_idx: int | None = None, **_: Any) -> None:
        # An iteration counts when its hooks are done.
        training = batch_idx is not None and runner.model.training
        if runner.iter + training == self.at and get_rank() == self.rank:
            os.kill(os.getpid(), self.number)


@HOOKS.register_module(force=True)
class FailHook(Hook):
    """Fails before the first of what it is told, such as ``'train_iter'``."""

    def __init__(self, when: str) -> None:
        setattr(self, f'before_{when}', self._fail)

    def _fail(self, *_: Any, **__: Any) -> None:
        raise RuntimeError('the camera fell over')


def _go(
    folder: Path,
    name: str,
    *,
    resume: bool = False,
    keep: int = 1,
    hooks: Sequence[dict] = (),
    at: int | None = None,
    number: int = signal.SIGTERM,
    when: str = 'train_iter',
    **options: Any,
) -> int:
    """The exit code of a run with `options` in its config and, maybe, a signal."""

    def child() -> None:
        cfg = config(folder / 'run', keep=keep, **options)
        cfg.custom_hooks += hooks
        if at is not None:
            cfg.custom_hooks.append(dict(type='TermHook', at=at, number=int(number), when=when))
        train(cfg, resume=resume)

    folder.mkdir(exist_ok=True)
    return in_fork(child, folder / f'{name}.txt')


def _check_equal(straight: Path, resumed: Path) -> None:
    names = sorted(path.name for path in (straight / 'run').glob('*.pth'))
    assert names == sorted(path.name for path in (resumed / 'run').glob('*.pth*'))
    for name in names:
        assert differences(straight / 'run' / name, resumed / 'run' / name) == []


@pytest.fixture(scope='module')
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('straight')
    assert _go(folder, 'straight') == 0, (folder / 'straight.txt').read_text()[-3000:]
    return folder


@pytest.mark.promise(
    'Resuming', 'SIGTERM or SIGUSR1 saves after the iteration; the run resumes with the next batch'
)
@pytest.mark.parametrize('at', MOMENTS)
def test_a_resumed_run_continues_with_the_next_batch(
    at: int, straight: Path, tmp_path: Path
) -> None:
    number = signal.SIGUSR1 if at % 2 else signal.SIGTERM
    assert (
        _go(tmp_path, 'first', at=at, number=number, train_dataloader__num_workers=at % 2)
        == EXIT_CODE
    )
    saved = torch.load(tmp_path / 'run/preempted.pth', weights_only=True)
    assert saved['meta']['iter'] == at
    assert 'stop signal received' in (tmp_path / 'first.txt').read_text()
    assert _go(tmp_path, 'second', resume=True) == 0, (tmp_path / 'second.txt').read_text()[-3000:]
    _check_equal(straight, tmp_path)


def test_a_signal_in_validation_ends_the_run_at_once(straight: Path, tmp_path: Path) -> None:
    code = _go(tmp_path, 'first', at=12, when='val_iter')
    assert code == EXIT_CODE
    assert not (tmp_path / 'run/preempted.pth').exists()
    assert not (tmp_path / 'run/best_dfer_WAR_epoch_2.pth').exists()
    assert _go(tmp_path, 'second', resume=True) == 0
    _check_equal(straight, tmp_path)


@pytest.mark.promise('Resuming', 'A signal between training and validation saves the run')
@pytest.mark.parametrize('first', [True, False] if LONG else [True])
def test_a_signal_between_training_and_validation_is_obeyed(first: bool, tmp_path: Path) -> None:
    """Where no checkpoint of the epoch was due, and where it is already written."""
    assert _go(tmp_path / 'straight', 'all', default_hooks__checkpoint__interval=2) == 0
    halves, at = tmp_path / 'halves', 6 if first else 12
    code = _go(halves, 'first', at=at, when='train_epoch', default_hooks__checkpoint__interval=2)
    assert code == EXIT_CODE
    assert (halves / 'run/preempted.pth').exists() == first
    name = 'preempted.pth' if first else 'epoch_2.pth'
    meta = torch.load(halves / 'run' / name, weights_only=True)['meta']
    assert (meta['epoch'], meta['iter']) == (at // 6, at)
    assert 'batches_done' not in meta
    assert _go(halves, 'second', resume=True, default_hooks__checkpoint__interval=2) == 0
    _check_equal(tmp_path / 'straight', halves)


@pytest.mark.parametrize('keep', [-1, 1] if LONG else [1])
def test_a_resumed_run_saves_the_best_epoch_where_no_checkpoint_is_due(
    keep: int, tmp_path: Path
) -> None:
    """The third of five epochs is the best so far; a checkpoint is due after each second one."""
    settings: dict[str, Any] = dict(
        train_cfg__max_epochs=5,
        default_hooks__checkpoint__interval=2,
        keep=keep,
        randomness__seed=2,
    )
    assert _go(tmp_path / 'straight', 'all', **settings) == 0
    names = {path.name for path in (tmp_path / 'straight/run').glob('*.pth')}
    assert ('epoch_3.pth' in names) == (keep == -1)
    halves = tmp_path / 'halves'
    code = _go(halves, 'first', at=15, **settings)
    assert code == EXIT_CODE
    assert _go(halves, 'second', resume=True, **settings) == 0
    _check_equal(tmp_path / 'straight', halves)


# Killed and stopped by a signal: in the first validation, in the second epoch, in the third epoch
# and in its validation. The hook comes after or before the one that saves.
STOPS = [(8, 'train_iter', 9, 'LOWEST'), (14, 'train_iter', 15, 'HIGH')]
if LONG:
    STOPS += [(6, 'val_iter', 15, 'HIGH'), (9, 'train_iter', 15, 'LOWEST')]
    STOPS += [(18, 'val_iter', 15, 'LOWEST'), (18, 'val_iter', 15, 'HIGH')]


@pytest.mark.promise('Resuming', 'Early stopping happens at the same epoch in a resumed run')
@pytest.mark.parametrize(('at', 'when', 'number', 'priority'), STOPS)
def test_a_resumed_run_stops_early_at_the_same_epoch(
    at: int, when: str, number: int, priority: str, tmp_path: Path
) -> None:
    """No epoch is better by so much: the third is the last of eight, though it is the best."""
    stopper = dict(type='EarlyStoppingHook', monitor='dfer/WAR', rule='greater', priority=priority)
    stopper.update(patience=2, min_delta=50)
    run: dict[str, Any] = dict(
        train_cfg__max_epochs=8, keep=-1, randomness__seed=2, hooks=[stopper]
    )
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    assert _go(straight, 'all', **run) == 0
    names = {path.name for path in (straight / 'run').glob('*.pth')}
    assert names == {'best_dfer_WAR_epoch_3.pth', *(f'epoch_{n}.pth' for n in (1, 2, 3))}
    assert _go(halves, 'first', at=at, when=when, number=number, **run) in (EXIT_CODE, -number)
    assert _go(halves, 'second', resume=True, **run) == 0
    _check_equal(straight, halves)
    # Its last validation was its best, and is not repeated.
    assert _go(halves, 'third', resume=True, **run) == 0
    _check_equal(straight, halves)


# Fewer batches an epoch, and as many of other clips (six of 11, the last of 5).
@pytest.mark.parametrize('size', [20, 11] if LONG else [11])
def test_another_batch_size_resumes_only_after_an_epoch(size: int, tmp_path: Path) -> None:
    code = _go(tmp_path / 'half', 'first', at=9)
    assert code == EXIT_CODE
    assert _go(tmp_path / 'half', 'second', resume=True, train_dataloader__batch_size=size) == 1
    said = (tmp_path / 'half/second.txt').read_text()
    batches = -(-60 // size)
    assert 'after 3 of 6 batches of epoch 2, of 10 clips each' in said
    assert f'here an epoch has {batches} of {size}' in said

    assert _go(tmp_path / 'whole', 'first', train_cfg__max_epochs=2) == 0
    assert _go(tmp_path / 'whole', 'second', resume=True, train_dataloader__batch_size=size) == 0
    meta = torch.load(tmp_path / 'whole/run/epoch_3.pth', weights_only=True)['meta']
    assert meta['iter'] == 12 + batches
    assert 'resumes after' not in (tmp_path / 'whole/second.txt').read_text()


def test_load_from_an_interrupted_run_starts_a_full_epoch(tmp_path: Path) -> None:
    assert _go(tmp_path / 'half', 'first', at=9) == EXIT_CODE

    def child() -> None:
        cfg = config(tmp_path / 'run')
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        cfg.load_from, cfg.train_cfg.max_epochs = str(tmp_path / 'half/run/preempted.pth'), 1
        train(cfg)

    assert in_fork(child, tmp_path / 'log.txt') == 0
    saved = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert saved['meta']['iter'] == 6


@pytest.mark.parametrize(
    'when', ['train_iter', 'train_epoch', 'val_epoch'] if LONG else ['train_iter']
)
def test_a_run_that_fails_restores_the_signals_and_ends_its_workers(
    when: str, tmp_path: Path
) -> None:
    def child() -> None:
        # What is a hang: Python would wait for ever.
        signal.alarm(60)
        cfg = config(tmp_path / 'run')
        cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
        cfg.custom_hooks.append(dict(type='FailHook', when=when))
        with pytest.raises(RuntimeError, match='the camera fell over'):
            train(cfg)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
        assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_DFL}
        # What Python calls at exit.
        multiprocessing.util._exit_function()

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 0, log.read_text()[-3000:]


def test_skipped_batches_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _go(tmp_path, 'first', at=9) == EXIT_CODE
    read = ToyPoints.__getitem__

    def counted(self: ToyPoints, index: int) -> dict:
        with (tmp_path / 'read.txt').open('a') as stream:
            stream.write(f'{index}\n')
        return read(self, index)

    monkeypatch.setattr(ToyPoints, '__getitem__', counted)
    assert _go(tmp_path, 'second', resume=True) == 0
    # 3 batches of the second epoch and 6 of the third, and 60 clips in each of two validations.
    assert len((tmp_path / 'read.txt').read_text().split()) == 9 * 10 + 2 * 60


def test_a_run_saves_only_after_an_optimizer_step(tmp_path: Path) -> None:
    steps = dict(optim_wrapper__accumulative_counts=4)
    assert _go(tmp_path / 'straight', 'all', **steps) == 0
    halves = tmp_path / 'halves'
    code = _go(halves, 'first', at=9, **steps)
    assert code == EXIT_CODE
    assert torch.load(halves / 'run/preempted.pth', weights_only=True)['meta']['iter'] == 12
    assert _go(halves, 'second', resume=True, **steps) == 0
    _check_equal(tmp_path / 'straight', halves)


def _one_of_two(rank: int, folder: Path, resume: bool, at: int) -> Any:
    """The exit code of one of two processes; the second gets a signal."""
    os.environ['LOCAL_RANK'] = str(rank)
    cfg = config(folder, keep=1, launcher='pytorch')
    cfg.custom_hooks.append(dict(type='TermHook', at=at, number=int(signal.SIGTERM), rank=1))
    try:
        train(cfg, resume=resume)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.promise('Resuming', 'A signal to one process ends all at the same iteration')
def test_processes_end_at_the_same_iteration(tmp_path: Path) -> None:
    def pair(folder: Path, at: int = -1, resume: bool = False) -> list[int]:
        return in_processes(_one_of_two, folder / 'run', resume, at, fork=True)

    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    assert pair(straight) == [0, 0]
    assert pair(halves, at=4) == [EXIT_CODE, EXIT_CODE]
    # The first process learns of it in the next iteration.
    assert torch.load(halves / 'run/preempted.pth', weights_only=True)['meta']['iter'] == 5
    assert pair(halves, resume=True) == [0, 0]
    _check_equal(straight, halves)


def test_without_a_hook_that_saves_the_signals_end_the_run(tmp_path: Path) -> None:
    def child() -> None:
        cfg = config(tmp_path / 'run')
        cfg.default_hooks.checkpoint.type = 'CheckpointHook'
        cfg.custom_hooks.append(dict(type='TermHook', at=2, number=int(signal.SIGTERM)))
        train(cfg)

    assert in_fork(child, tmp_path / 'log.txt') == -signal.SIGTERM
    assert 'AtomicCheckpointHook' in (tmp_path / 'log.txt').read_text()
