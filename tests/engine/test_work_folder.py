"""A second training run in a work folder is refused while the first lives, and only then."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from functools import partial
from pathlib import Path

import mmaction
import pytest
import small_runs
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from processes import in_fork, in_processes
from small_runs import run_tool, small_config

from dferclip_mm.engine import work_folder


@HOOKS.register_module()
class WaitHook(Hook):
    """Says that training has begun, and waits."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        Path('begun').touch()
        time.sleep(600)


# The main process's checkpoints lie in out/NAME, with the name of the work folder.
OUT = 'default_hooks.checkpoint.out_dir=out'
MMACTION2 = Path(mmaction.__file__).parent / '.mim/tools/train.py'


def train(config: str, work_dir: str = 'run', *options: str) -> None:
    os.environ['LOCAL_RANK'] = '0'
    run_tool('train', config, '--work-dir', work_dir, *options)


def train_with_mmaction2() -> None:
    sys.argv = [str(MMACTION2), 'toy.py', '--work-dir', 'run']
    runpy.run_path(str(MMACTION2), run_name='__main__')


@pytest.fixture
def living(work_dir):
    """The process of a run that trains, in the folders `run` and `out/run`."""
    ours = [dict(type='StrictLoadHook')]
    small_config('toy', custom_hooks=ours).dump('toy.py')
    small_config('toy', custom_hooks=[*ours, dict(type='WaitHook')]).dump('waiting.py')
    child = os.fork()
    if child == 0:
        in_fork(lambda: train('waiting.py', 'run', '--cfg-options', OUT), Path('first.txt'))
        os._exit(0)
    while not Path('begun').is_file():
        time.sleep(0.02)
    owner = int(Path('run', work_folder.LOCK).read_text().split()[1])
    yield owner
    os.waitpid(child, 0)


@pytest.mark.promise('Resuming', 'A second run in a work folder is refused while the first lives')
def test_a_second_run_is_refused_until_the_first_is_dead(living: int) -> None:
    log = Path('second.txt')
    try:
        for second, folder in (
            (partial(train, 'toy.py'), 'run'),
            (partial(train, 'toy.py', 'other/run', '--cfg-options', OUT), 'out/run'),
            (train_with_mmaction2, 'run'),
        ):
            log.unlink(missing_ok=True)
            assert in_fork(second, log) == 1
            said = f'{folder} is in use by another training run (process {living} on '
            assert said in log.read_text()
        assert not list(Path().rglob('*.pth'))
        # Testing beside it is possible.
        assert in_fork(lambda: run_tool('test', 'toy.py', '--work-dir', 'run'), log) == 0
    finally:
        os.kill(living, signal.SIGKILL)
    assert in_fork(lambda: train('toy.py'), log) == 0, log.read_text()
    assert Path('run/epoch_2.pth').is_file()


def start(rank: int, folder: Path) -> str | None:
    """What is said when the processes of a run begin to train in a folder, twice."""
    cfg = small_config('toy', work_dir=folder, launcher='pytorch')
    os.environ['LOCAL_RANK'] = str(rank)
    try:
        for _ in range(2):
            small_runs.start(cfg).train()
    except OSError as error:
        return str(error)
    return None


def test_all_processes_of_a_run_are_one_owner(tmp_path: Path) -> None:
    assert in_processes(start, tmp_path, fork=True) == [None, None]
    with work_folder.lock_folders([tmp_path]):
        one, two = in_processes(start, tmp_path, fork=True)
    assert one == two
    assert f'(process {os.getpid()} on ' in one


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, 'Operation not supported')

    monkeypatch.setattr(work_folder.fcntl, 'lockf', unsupported)
    MMLogger.get_instance('unlocked', log_file=str(tmp_path / 'log.txt'))
    with work_folder.lock_folders([tmp_path]):
        assert 'no file locks (Operation not supported)' in (tmp_path / 'log.txt').read_text()
