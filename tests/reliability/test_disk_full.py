"""No room for a checkpoint: the last good one stays, no half one remains, the error says it."""

from __future__ import annotations

import errno
import re
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from killing import Steps, config, in_fork, train

from dferclip_mm.checkpoints.load import read_checkpoint
from dferclip_mm.checkpoints.resume_point import find_resumable
from dferclip_mm.engine.run import friendly_errors


class Full(Steps):
    """A disk that is full at one step."""

    def step(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.last:
            raise OSError(errno.ENOSPC, 'No space left on device')


# Writing the second epoch's checkpoint and pointer, its best one, and the first of all.
PLACES = ['half of epoch_1', 'before opening epoch_2', 'all of epoch_2', 'half of last_checkpoint']
PLACES += ['half of best_dfer_WAR_epoch_2']


@pytest.fixture(scope='module')
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp('whole')

    def child() -> None:
        steps = Steps(folder / 'run', None)
        steps.install()
        train(config(folder / 'run', keep=1))
        (folder / 'names.txt').write_text('\n'.join(steps.names))

    assert in_fork(child, folder / 'log.txt') == 0
    return (folder / 'names.txt').read_text().split('\n')


@pytest.mark.parametrize('place', PLACES)
def test_the_last_good_one_stays(place: str, names: list[str], tmp_path: Path) -> None:
    # The last of these in the run's second epoch, but for the first epoch's.
    found = [number for number, name in enumerate(names, 1) if name.startswith(place)]
    last = found[0] if 'epoch_1' in place else found[-1]

    def child() -> None:
        Full(tmp_path / 'run', last).install()
        try:
            with friendly_errors():
                train(config(tmp_path / 'run', keep=1))
        except SystemExit as end:
            print(f'ended with: {end}')
            raise

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 1
    said = [line for line in log.read_text().splitlines() if line.startswith('ended with')]
    assert len(said) == 1, log.read_text()[-2000:]
    name = names[last - 1].split()[-1].removesuffix('.tmp')
    assert str(tmp_path / 'run' / name) in said[0]
    assert 'No space left on device' in said[0]
    needed, free = map(int, re.findall(r'needs (\d+) bytes, and (\d+) are free', said[0])[0])
    assert 20 < needed < 10**5
    assert free > 0
    _goes_on(tmp_path / 'run', log, nothing_kept='epoch_1' in place)


def _goes_on(folder: Path, log: Path, *, nothing_kept: bool = False) -> None:
    assert list(folder.glob('*.tmp')) == []
    for path in folder.glob('*.pth'):
        read_checkpoint(path)
    kept, _ = find_resumable(folder, folder, 'epoch_*.pth')
    assert (kept is None) == nothing_kept

    def again() -> Any:
        train(config(folder, keep=1), resume=True)

    assert in_fork(again, log) == 0
    assert (folder / 'epoch_3.pth').is_file()


class Limited(Steps):
    """No file may be longer than this from the second epoch's checkpoint on, by the system."""

    def step(self, name: str) -> None:
        if name.startswith('before writing epoch_2'):
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))


def test_a_limit_of_the_system(tmp_path: Path) -> None:
    def child() -> None:
        # Else the signal ends the process; Python ignores it by itself.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        Limited(tmp_path / 'run', None).install()
        try:
            with friendly_errors():
                train(config(tmp_path / 'run', keep=1))
        except SystemExit as end:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            print(f'ended with: {end}')
            raise

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 1
    said = [line for line in log.read_text().splitlines() if line.startswith('ended with')]
    assert len(said) == 1, log.read_text()[-2000:]
    assert str(tmp_path / 'run/epoch_2.pth') in said[0]
    assert 'File too large' in said[0]
    assert 'a limit of file sizes' in said[0]
    _goes_on(tmp_path / 'run', log)
