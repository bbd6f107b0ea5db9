"""SIGTERM and SIGUSR1: the run saves after the iteration, and a resumed one ends the same."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import config, in_fork, train
from lengths import LONG
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from resume_cells import differences
from toy_run import ToyPoints

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE

# 18 iterations in 3 epochs of 6. The first and the last of an epoch, and between.
MOMENTS = [1, 2, 5, 6, 7, 10, 12, 13, 17, 18] if LONG else [6, 9]


@HOOKS.register_module(force=True)
class TermHook(Hook):
    """Sends this process a signal while iteration `at`, or validation after it, runs."""

    priority = 'LOW'

    def __init__(self, at: int, number: int, rank: int = 0, val: bool = False) -> None:
        self.at, self.number, self.rank, self.val = at, number, rank, val

    def _send(self, runner: Any, done: int) -> None:
        if done == self.at and int(os.environ.get('RANK', '0')) == self.rank:
            os.kill(os.getpid(), self.number)

    def after_train_iter(self, runner: Any, batch_idx: int, **_: Any) -> None:
        if not self.val:
            self._send(runner, runner.iter + 1)

    def after_val_iter(self, runner: Any, batch_idx: int, **_: Any) -> None:
        if self.val:
            self._send(runner, runner.iter)


def _go(folder: Path, name: str, *, resume: bool = False, **settings: Any) -> int:
    def child() -> None:
        cfg = config(folder / 'run', keep=1)
        cfg.train_dataloader.update(num_workers=settings.pop('workers', 0))
        cfg.optim_wrapper.update(settings.pop('wrapper', {}))
        if settings:
            cfg.custom_hooks.append(dict(type='TermHook', **settings))
        train(cfg, resume=resume)

    folder.mkdir(exist_ok=True)
    return in_fork(child, folder / f'{name}.txt')


def _require_equal(straight: Path, resumed: Path) -> None:
    names = sorted(path.name for path in (straight / 'run').glob('*.pth'))
    assert names == sorted(path.name for path in (resumed / 'run').glob('*.pth*'))
    for name in names:
        assert differences(straight / 'run' / name, resumed / 'run' / name)[0] == []


@pytest.fixture(scope='module')
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('straight')
    assert _go(folder, 'straight') == 0, (folder / 'straight.txt').read_text()[-3000:]
    return folder


@pytest.mark.parametrize('at', MOMENTS)
def test_a_run_that_is_asked_to_end_goes_on_with_the_next_batch(
    at: int, straight: Path, tmp_path: Path
) -> None:
    number = signal.SIGUSR1 if at % 2 else signal.SIGTERM
    assert _go(tmp_path, 'first', at=at, number=int(number), workers=at % 2) == EXIT_CODE
    saved = torch.load(tmp_path / 'run/preempted.pth', weights_only=True)
    assert saved['meta']['iter'] == at
    assert 'asked to end' in (tmp_path / 'first.txt').read_text()
    assert _go(tmp_path, 'second', resume=True) == 0, (tmp_path / 'second.txt').read_text()[-3000:]
    _require_equal(straight, tmp_path)


def test_in_validation_the_run_ends_at_once_and_validates_again(
    straight: Path, tmp_path: Path
) -> None:
    code = _go(tmp_path, 'first', at=12, number=int(signal.SIGTERM), val=True)
    assert code == EXIT_CODE
    assert not (tmp_path / 'run/preempted.pth').exists()
    assert not (tmp_path / 'run/best_dfer_WAR_epoch_2.pth').exists()
    assert _go(tmp_path, 'second', resume=True) == 0
    _require_equal(straight, tmp_path)


def test_skipped_batches_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _go(tmp_path, 'first', at=9, number=int(signal.SIGTERM)) == EXIT_CODE
    read = ToyPoints.__getitem__

    def counted(self: ToyPoints, index: int) -> dict:
        with (tmp_path / 'read.txt').open('a') as stream:
            stream.write(f'{index}\n')
        return read(self, index)

    monkeypatch.setattr(ToyPoints, '__getitem__', counted)
    assert _go(tmp_path, 'second', resume=True) == 0
    # 3 batches of the second epoch and 6 of the third, and 60 clips in each of two validations.
    assert len((tmp_path / 'read.txt').read_text().split()) == 9 * 10 + 2 * 60


def test_accumulated_gradients_are_used_before_the_run_is_saved(tmp_path: Path) -> None:
    wrapper = dict(accumulative_counts=4)
    assert _go(tmp_path / 'straight', 'all', wrapper=wrapper) == 0
    halves = tmp_path / 'halves'
    code = _go(halves, 'first', at=9, number=int(signal.SIGTERM), wrapper=wrapper)
    assert code == EXIT_CODE
    assert torch.load(halves / 'run/preempted.pth', weights_only=True)['meta']['iter'] == 12
    assert _go(halves, 'second', resume=True, wrapper=wrapper) == 0
    _require_equal(tmp_path / 'straight', halves)


def _pair(folder: Path, name: str, *, resume: bool = False, at: int | None = None) -> list[int]:
    """Two processes over gloo, the second of which may be asked to end; their exit codes."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    codes = folder / f'{name}_codes'
    codes.mkdir(parents=True)

    def child(rank: int) -> None:
        places = dict(RANK=rank, WORLD_SIZE=2, LOCAL_RANK=rank, MASTER_PORT=port)
        os.environ.update({key: str(value) for key, value in places.items()})
        os.environ['MASTER_ADDR'] = '127.0.0.1'
        cfg = config(folder / 'run', keep=1)
        cfg.launcher = 'pytorch'
        if at is not None:
            term = dict(type='TermHook', at=at, number=int(signal.SIGTERM), rank=1)
            cfg.custom_hooks.append(term)
        train(cfg, resume=resume)

    def both() -> None:
        first = os.fork()
        rank = 1 if first == 0 else 0
        code = in_fork(lambda: child(rank), codes / f'{rank}.txt')
        (codes / str(rank)).write_text(str(code))
        if first == 0:
            os._exit(0)
        os.waitpid(first, 0)

    assert in_fork(both, codes / 'log.txt') == 0
    return [int((codes / str(rank)).read_text()) for rank in (0, 1)]


def test_processes_end_at_the_same_iteration(tmp_path: Path) -> None:
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    assert _pair(straight, 'all') == [0, 0]
    assert _pair(halves, 'first', at=4) == [EXIT_CODE, EXIT_CODE]
    # The second tells the first in the next iteration.
    assert torch.load(halves / 'run/preempted.pth', weights_only=True)['meta']['iter'] == 5
    assert _pair(halves, 'second', resume=True) == [0, 0]
    _require_equal(straight, halves)


def test_without_a_hook_that_saves_the_signals_are_left_alone(tmp_path: Path) -> None:
    def child() -> None:
        cfg = config(tmp_path / 'run')
        cfg.default_hooks.checkpoint.type = 'CheckpointHook'
        cfg.custom_hooks.append(dict(type='TermHook', at=2, number=int(signal.SIGTERM)))
        train(cfg)

    assert in_fork(child, tmp_path / 'log.txt') == -signal.SIGTERM
    assert 'SafeCheckpointHook' in (tmp_path / 'log.txt').read_text()
