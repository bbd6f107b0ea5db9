"""No room for a checkpoint: the last good one stays, no half one remains, the error says it."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from killing import Steps, config, in_fork, train

from dferclip_mm.engine.checkpoints import find_resumable, read_checkpoint
from dferclip_mm.engine.launch import errors_in_one_sentence


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
            with errors_in_one_sentence():
                train(config(tmp_path / 'run', keep=1))
        except SystemExit as end:
            print(f'ended with: {end}')
            raise

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 1
    said = [line for line in log.read_text().splitlines() if line.startswith('ended with')]
    assert len(said) == 1, log.read_text()[-2000:]
    name = names[last - 1].split()[-1].removesuffix('.part')
    assert str(tmp_path / 'run' / name) in said[0]
    assert 'No space left on device' in said[0]
    needed, free = map(int, re.findall(r'needs (\d+) bytes, and (\d+) are free', said[0])[0])
    assert 20 < needed < 10**5
    assert free > 0
    assert list((tmp_path / 'run').glob('*.part')) == []
    for path in (tmp_path / 'run').glob('*.pth'):
        read_checkpoint(path)
    kept, _ = find_resumable(tmp_path / 'run', tmp_path / 'run', 'epoch_*.pth')
    assert (kept is None) == ('epoch_1' in place)

    def again() -> Any:
        train(config(tmp_path / 'run', keep=1), resume=True)

    assert in_fork(again, log) == 0
    assert (tmp_path / 'run/epoch_3.pth').is_file()
