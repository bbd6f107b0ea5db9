"""A full disk: the last complete checkpoint stays, no partial file remains, the error says why."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from killing import Steps, config, train
from lengths import LONG
from processes import in_fork

from dferclip_mm.checkpoints.load import read_checkpoint
from dferclip_mm.checkpoints.resume_point import find_resumable
from dferclip_mm.engine.run import friendly_errors


class FullDisk(Steps):
    """A disk that is full when a step of this name comes for the n-th time."""

    def __init__(self, folder: Path, name: str, count: int) -> None:
        super().__init__(folder, None)
        self.name, self.count = name, count

    def step(self, name: str) -> None:
        self.names.append(name)
        if name == self.name and self.names.count(name) == self.count:
            raise OSError(errno.ENOSPC, 'No space left on device')


# The first file of all; the second epoch's, when it is rewritten as the best so far; and the best.
STEPS = [('half of epoch_1.pth.tmp', 1), ('all of epoch_2.pth.tmp', 2)]
STEPS += [('before opening epoch_2.pth.tmp', 1), ('half of best_dfer_WAR_epoch_2.pth.tmp', 1)]


@pytest.mark.promise(
    'Checkpoints', 'A full disk leaves the last good checkpoint, and the run continues'
)
@pytest.mark.parametrize(('step', 'count'), STEPS if LONG else STEPS[:2])
def test_the_last_complete_checkpoint_stays(step: str, count: int, tmp_path: Path) -> None:
    run, log = tmp_path / 'run', tmp_path / 'log.txt'

    def full() -> None:
        FullDisk(run, step, count).install()
        with friendly_errors():
            train(config(run, keep=1))

    assert in_fork(full, log) == 1
    (said,) = [line for line in log.read_text().splitlines() if line.startswith('error: ')]
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
    assert in_fork(lambda: train(config(run, keep=1), resume=True) and None, log) == 0
    assert (run / 'epoch_3.pth').is_file()
