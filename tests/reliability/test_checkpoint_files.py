"""Checkpoint files after a kill, on a full disk, and where one cannot be removed."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from killing import check_equal, finish, go, names, refusal
from lengths import LONG

from dferclip_mm.checkpoints.load import read_checkpoint
from dferclip_mm.checkpoints.resume_point import find_resumable

Stop = Callable[[str, Path], None]
# How many checkpoints are kept, and a seed: which epochs are best differs.
RUNS = [(1, 0), (3, 2), (-1, 0)] if LONG else [(1, 0)]


def kill_at(point: int) -> Stop:
    numbers = count()

    def stop(step: str, path: Path) -> None:
        if next(numbers) != point:
            return
        if step.startswith('half'):
            path.touch()
            os.truncate(path, path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    return stop


@pytest.mark.promise(
    'Checkpoints', 'A run killed at any write, rename or removal resumes and ends bitwise equal'
)
@pytest.mark.parametrize(('keep', 'seed'), RUNS)
def test_a_run_killed_at_any_point_ends_the_same(keep: int, seed: int, tmp_path: Path) -> None:
    straight, listed = tmp_path / 'straight', tmp_path / 'steps.txt'
    run = dict(keep=keep, randomness__seed=seed)

    def note(step: str, path: Path) -> None:
        with listed.open('a') as file:
            print(step, file=file)

    finish(straight, stop=note, **run)
    steps = listed.read_text().splitlines()
    assert len(steps) >= 35
    assert len(names(straight)) == (2 if keep == 1 else 4)
    # The first complete checkpoint, one half overwritten, and the end: what MMEngine loses.
    first = steps.index('half of renaming epoch_1.pth.tmp') + 1
    half = len(steps) - 1 - steps[::-1].index('half of renaming epoch_2.pth.tmp')
    for point in range(len(steps)) if LONG else (first, half, len(steps) - 1):
        folder, where = tmp_path / str(point), f'point {point}, {steps[point]}'
        assert go(folder, 'first', stop=kill_at(point), **run)[0] == -signal.SIGKILL, where
        found, _ = find_resumable(folder / 'run', folder / 'run', 'epoch_*.pth')
        assert (found is not None) == (point >= first), where
        finish(folder, 'second', resume=True, **run)
        check_equal(straight, folder, where)
        pointer = (folder / 'run/last_checkpoint').read_text()
        assert pointer == str(folder / 'run/epoch_3.pth'), where


def fail_at(place: str, times: int, error: int) -> Stop:
    """An error of the system, when a step comes for the n-th time."""
    numbers = count(1)

    def stop(step: str, path: Path) -> None:
        if step == place and next(numbers) == times:
            raise OSError(error, os.strerror(error))

    return stop


# The first file of all; the second epoch's, when it is rewritten as the best so far; and the best.
STEPS = [('before renaming epoch_1.pth.tmp', 1), ('before renaming epoch_2.pth.tmp', 2)]
STEPS += [
    ('before writing epoch_2.pth.tmp', 1),
    ('before renaming best_dfer_WAR_epoch_2.pth.tmp', 1),
]


@pytest.mark.promise(
    'Checkpoints', 'A full disk leaves the last good checkpoint, and the run continues'
)
@pytest.mark.parametrize(('step', 'times'), STEPS if LONG else STEPS[:2])
def test_the_last_complete_checkpoint_stays(step: str, times: int, tmp_path: Path) -> None:
    run = tmp_path / 'run'
    said = refusal(*go(tmp_path, 'first', stop=fail_at(step, times, errno.ENOSPC)))
    name = step.split()[-1].removesuffix('.tmp')
    assert f'{run / name} cannot be written (No space left on device)' in said
    ((needed, free),) = re.findall(r'needs (\d+) bytes, and (\d+) bytes are free', said)
    assert 1000 < int(needed) < 10**5
    assert int(free) > 0
    assert '--resume' in said
    assert list(run.glob('*.tmp')) == []
    for path in run.glob('*.pth'):
        read_checkpoint(path)
    kept, _ = find_resumable(run, run, 'epoch_*.pth')
    assert (kept is None) == ('epoch_1' in step)
    finish(tmp_path, 'second', resume=True)
    assert (run / 'epoch_3.pth').is_file()


def test_another_filename_tmpl_is_obeyed(tmp_path: Path) -> None:
    """The best of the first run is replaced, and temporary files of a killed run are removed."""
    run = dict(randomness__seed=2, default_hooks__checkpoint__filename_tmpl='state_{}.ckpt')
    finish(tmp_path, 'first', train_cfg__max_epochs=2, **run)
    (before,) = names(tmp_path, 'best_*')
    for name in ('state_9.ckpt.tmp', f'{before}.tmp', 'mine.tmp'):
        (tmp_path / 'run' / name).touch()
    finish(tmp_path, 'second', resume=True, **run)
    assert names(tmp_path, 'best_*') == ['best_dfer_WAR_state_3.ckpt'] != [before]
    assert names(tmp_path, 'state_*') == ['state_3.ckpt']
    assert names(tmp_path, '*.tmp') == ['mine.tmp']


def test_an_old_checkpoint_that_cannot_be_removed_is_tried_again(tmp_path: Path) -> None:
    def stop(step: str, path: Path) -> None:
        if step == 'before removing epoch_1.pth':
            raise OSError(errno.EIO, 'Input/output error')

    for epochs in (3, 4):
        options = dict(resume=epochs > 3, train_cfg__max_epochs=epochs, randomness__seed=2)
        said = finish(tmp_path, str(epochs), stop=stop, **options)
        assert f'{tmp_path}/run/epoch_1.pth is outdated and could not be removed' in said
        assert names(tmp_path, 'epoch_*') == ['epoch_1.pth', f'epoch_{epochs}.pth']
    finish(tmp_path, 'third', resume=True, train_cfg__max_epochs=5, randomness__seed=2)
    assert names(tmp_path, 'epoch_*') == ['epoch_5.pth']
