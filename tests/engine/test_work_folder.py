"""A second training run in a work folder is refused while the first lives, and only then."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from processes import in_fork, in_processes
from small_runs import run_tool, small_config

from dferclip_mm.engine import work_folder


@HOOKS.register_module()
class WaitHook(Hook):
    """Says that training has begun, and waits."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        Path('begun').touch()
        time.sleep(60)


def train(config: str) -> None:
    os.environ['LOCAL_RANK'] = '0'
    run_tool('train', config, '--work-dir', 'run')


@pytest.fixture
def living(work_dir):
    """The process of a run in the folder `run` that trains."""
    small_config('toy').dump('toy.py')
    waiting = small_config('toy')
    waiting.custom_hooks = [dict(type='WaitHook')]
    waiting.dump('waiting.py')
    child = os.fork()
    if child == 0:
        in_fork(lambda: train('waiting.py'), Path('first.txt'))
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
        assert in_fork(lambda: train('toy.py'), log) == 1
        assert f'run is in use by another training run (process {living} on ' in log.read_text()
        assert 'Traceback' not in log.read_text()
        assert not list(Path('run').glob('*.pth'))
        # Testing beside it is possible.
        assert in_fork(lambda: run_tool('test', 'toy.py', '--work-dir', 'run'), log) == 0
    finally:
        os.kill(living, signal.SIGKILL)
    assert in_fork(lambda: train('toy.py'), log) == 0, log.read_text()
    assert Path('run/epoch_2.pth').is_file()


def enter(rank: int, folder: Path) -> str | None:
    """What is said when the processes of a run enter a folder, twice."""
    try:
        for _ in range(2):
            with work_folder.held(folder):
                pass
    except OSError as error:
        return str(error)
    return None


def test_all_processes_of_a_run_are_one_owner(tmp_path: Path) -> None:
    assert in_processes(enter, tmp_path, fork=True) == [None, None]
    with work_folder.held(tmp_path):
        one, two = in_processes(enter, tmp_path, fork=True)
    assert one == two
    assert f'(process {os.getpid()} on ' in one


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, caplog) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, 'Operation not supported')

    monkeypatch.setattr(work_folder.fcntl, 'lockf', unsupported)
    warned = []
    monkeypatch.setattr(work_folder, 'print_log', lambda text, *_, **__: warned.append(text))
    with work_folder.held(tmp_path):
        assert 'Operation not supported' in warned[0]
