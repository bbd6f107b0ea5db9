"""SIGTERM, SIGUSR1 and Ctrl-C: the run saves after the iteration, and a resumed one ends equal."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import check_equal, check_resumes, config, finish, go, names, train
from lengths import LONG
from processes import in_fork, in_processes

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE, SIGNALS

INT, USR1, TERM = signal.SIGINT, signal.SIGUSR1, signal.SIGTERM
EVERY_SECOND = dict(default_hooks__checkpoint__interval=2)
# The signal, the iteration (18 in 3 epochs of 6), within or after what, settings of the run, and
# what it says.
MOMENTS: list[tuple[int, int, str, dict[str, Any], str]] = [
    (TERM, 6, 'train_iter', {}, 'saved after iteration 6'),
    (USR1, 9, 'train_iter', dict(train_dataloader__num_workers=1), 'saved after iteration 9'),
    (INT, 9, 'train_iter', {}, 'press Ctrl-C again to end at once, without saving'),
    (TERM, 9, 'train_iter', dict(optim_wrapper__accumulative_counts=4), 'after iteration 12'),
    (TERM, 12, 'val_iter', {}, 'saved before this validation'),
    # No checkpoint of this epoch was due.
    (TERM, 6, 'train_epoch', EVERY_SECOND, 'saved after iteration 6, in its validation'),
]
if LONG:
    MOMENTS += [(TERM, 12, 'train_epoch', EVERY_SECOND, 'saved before this validation')]
    MOMENTS += [(USR1, at, 'train_iter', {}, '') for at in (1, 2, 5, 7, 10, 12, 13, 17, 18)]


@pytest.mark.promise(
    'Resuming', 'SIGTERM or SIGUSR1 saves after the iteration; the run resumes with the next batch'
)
@pytest.mark.promise('Resuming', 'A signal between training and validation saves the run')
@pytest.mark.parametrize(('number', 'at', 'when', 'options', 'expected'), MOMENTS)
def test_a_run_that_gets_a_signal_saves_and_a_resumed_one_ends_equal(
    number: int, at: int, when: str, options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    said = check_resumes(tmp_path, at=at, when=when, number=number, **options)
    assert 'stop signal received: saved ' in said
    assert expected in said


@pytest.mark.promise(
    'Resuming', 'The first Ctrl-C saves and ends in one line, the second ends at once'
)
def test_a_second_ctrl_c_ends_the_run_at_once(tmp_path: Path) -> None:
    """Sent within one iteration, which is not finished."""
    hooks = [dict(type='TermHook', at=9, number=int(INT))] * 2
    code, said = go(tmp_path, 'first', hooks=hooks, train_dataloader__num_workers=1)
    assert code == 130
    assert said.rstrip().splitlines()[-1] == 'interrupted: what was finished before is kept'
    assert 'Traceback' not in said
    assert names(tmp_path, '*.pth') == ['best_dfer_WAR_epoch_1.pth', 'epoch_1.pth']


# A run of 18 iterations that validates after each second, and saves after the last.
BY_ITERATION: dict[str, Any] = dict(
    train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=18, val_interval=2),
    train_dataloader__sampler__type='InfiniteSampler',
    log_processor=dict(by_epoch=False),
    default_hooks__checkpoint=dict(by_epoch=False, interval=100),
)


@pytest.mark.promise('Resuming', 'A signal within a validation saves the run there')
@pytest.mark.parametrize(('at', 'save_last'), [(4, True), (18, False)])
def test_a_signal_in_a_validation_before_which_nothing_was_saved_is_obeyed_there(
    at: int, save_last: bool, tmp_path: Path
) -> None:
    """Within training and at its end; EMAHook has swapped the weights."""
    options = dict(BY_ITERATION, default_hooks__checkpoint__save_last=save_last)
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    finish(straight, **options)
    code, said = go(halves, 'first', at=at, when='val_iter', **options)
    assert code == EXIT_CODE
    assert f'saved after iteration {at}, in its validation' in said
    assert said.count('Iter(val) [1/1]') == at // 2 - 1
    said = finish(halves, 'second', resume=True, **options)
    assert said.count('Iter(val) [1/1]') == (18 - at) // 2 + 1
    (halves / 'run/preempted.pth').unlink(missing_ok=save_last)
    check_equal(straight, halves)


def test_a_run_that_fails_restores_the_signals_and_ends_its_workers(tmp_path: Path) -> None:
    def child() -> None:
        # What is a hang: Python would wait for ever.
        signal.alarm(300)
        before = [signal.getsignal(number) for number in SIGNALS]
        cfg = config(tmp_path / 'run', optim_wrapper__optimizer__weight_decay=float('nan'))
        cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
        with pytest.raises(FloatingPointError):
            train(cfg)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
        assert [signal.getsignal(number) for number in SIGNALS] == before
        # What Python calls at exit.
        multiprocessing.util._exit_function()

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 0, log.read_text()[-3000:]


def _one_of_two(rank: int, folder: Path, resume: bool, at: int) -> Any:
    """The exit code of one of two processes; the second gets a signal."""
    os.environ['LOCAL_RANK'] = str(rank)
    cfg = config(folder, keep=1, launcher='pytorch')
    cfg.custom_hooks.append(dict(type='TermHook', at=at, number=int(TERM), rank=1))
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
    check_equal(straight, halves)


def test_without_a_hook_that_saves_the_signals_end_the_run(tmp_path: Path) -> None:
    checkpoint = dict(_delete_=True, type='CheckpointHook')
    code, said = go(tmp_path, 'first', at=2, default_hooks__checkpoint=checkpoint)
    assert code == -TERM
    assert 'AtomicCheckpointHook' in said
