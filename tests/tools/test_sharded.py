"""FSDP over two processes on the CPU: the training that one process does, and its checkpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mixed_run import seen
from mmaction.registry import MODELS
from mmengine.config import Config

HERE = Path(__file__).resolve().parent
CONFIG = str(HERE / 'sharded_config.py')


def test_sharded_training_is_the_same_training(work_dir: Path, run_tool) -> None:
    write_dfew(work_dir / 'dfew')
    # The runners draw first weights at different moments.
    model = MODELS.build(Config.fromfile(CONFIG).model)
    torch.save(dict(meta={}, state_dict=model.state_dict()), 'start.pth')
    done = subprocess.run(
        [str(HERE.parents[1] / 'tools' / 'dist_train.sh'), CONFIG, '2', '--work-dir', 'sharded'],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    plain = ('runner_type=Runner', 'train_dataloader.batch_size=4')
    run_tool('train', CONFIG, '--work-dir', 'plain', '--cfg-options', *plain)
    expected, clips = seen('plain')
    losses, same = seen('sharded')
    assert len(expected) == 3
    assert same == clips
    assert losses == pytest.approx(expected, rel=1e-3)
    whole, gathered = (
        torch.load(f'{folder}/iter_3.pth', weights_only=True)['state_dict']
        for folder in ('plain', 'sharded')
    )
    assert gathered.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(gathered[name], value, rtol=1e-3, atol=1e-4)
    # tools/test.py takes it as any other.
    single = ('runner_type=Runner',)
    run_tool('test', CONFIG, 'sharded/iter_3.pth', '--work-dir', 't', '--cfg-options', *single)
