"""A mixed model as one process, two processes, and two machines on the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from mini_corpora import write_dfew
from mixed_run import seen

HERE = Path(__file__).resolve().parent
TRAIN = HERE.parents[1] / 'tools' / 'dist_train.sh'
CONFIG = str(HERE / 'mixed_config.py')


def start(folder: str, processes: int, batch: int, **environment: str) -> subprocess.Popen[str]:
    options = ('train_dataloader.dataset.data_root=dfew', f'train_dataloader.batch_size={batch}')
    return subprocess.Popen(
        [str(TRAIN), CONFIG, str(processes), '--work-dir', folder, '--cfg-options', *options],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1', **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*launchers: subprocess.Popen[str]) -> None:
    for launcher in launchers:
        _, errors = launcher.communicate(timeout=300)
        assert launcher.returncode == 0, errors[-3000:]


def test_same_training_however_it_is_spread(work_dir: Path) -> None:
    write_dfew(work_dir / 'dfew', num_frames=5)
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    finish(start('one', processes=1, batch=4), start('again', processes=1, batch=4))
    finish(start('two', processes=2, batch=2))
    nodes = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT=port)
    finish(*(start('nodes', 1, 2, NODE_RANK=rank, **nodes) for rank in '01'))

    expected, clips = seen('one')
    assert [len(step) for step in clips] == [4] * 4
    assert len(set(expected)) == 4
    assert seen('again') == (expected, clips)
    for folder in ('two', 'nodes'):
        assert len(list(Path(folder).glob('rank_*.json'))) == 2
        losses, same = seen(folder)
        assert same == clips
        assert losses == pytest.approx(expected, rel=1e-4)
    assert seen('nodes') == seen('two')
