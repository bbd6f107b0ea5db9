"""A signal to torchrun: its processes save, and the same command resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from lengths import LONG

HERE = Path(__file__).resolve().parent
TRAIN = HERE.parents[1] / 'tools' / 'dist_train.sh'
# Seconds for a start on a busy machine.
BOUND = 150


def start(*options: str) -> tuple[subprocess.Popen[bytes], Path]:
    """A run on 2 processes, and where its output goes."""
    said = Path('said.txt')
    words = [str(TRAIN), str(HERE / 'preempted_config.py'), '2', '--work-dir', 'run', '--resume']
    with said.open('wb') as stream:
        child = subprocess.Popen(
            [*words, '--cfg-options', 'default_hooks.logger.interval=1', *options],
            env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    return child, said


@pytest.mark.promise('Resuming', 'A signal to `dist_train.sh` reaches its processes, which save')
def test_torchrun_passes_a_signal_on_and_the_run_resumes(work_dir: Path) -> None:
    # Stock torchrun dies of this signal.
    child, said = start()
    end = time.monotonic() + BOUND
    while 'Epoch(train)' not in said.read_text() and child.poll() is None:
        assert time.monotonic() < end, said.read_text()[-2000:]
        time.sleep(0.1)
    child.send_signal(signal.SIGUSR1)
    assert child.wait(timeout=BOUND) == 1, said.read_text()[-2000:]
    meta = torch.load('run/preempted.pth', weights_only=True)['meta']
    # 30 points in batches of 5 on 2 processes.
    assert meta['iter'] > 0
    assert meta['iter'] == 3 * meta['epoch'] + meta['batches_done']
    if not LONG:
        return
    last = meta['epoch'] + 1
    child, said = start(f'train_cfg.max_epochs={last}')
    assert child.wait(timeout=BOUND) == 0, said.read_text()[-3000:]
    saved = torch.load(f'run/epoch_{last}.pth', weights_only=True)
    assert saved['meta']['iter'] == 3 * last
