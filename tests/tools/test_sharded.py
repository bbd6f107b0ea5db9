"""FSDP over two processes on the CPU: the training that one process does, and its checkpoints."""

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


def train_sharded(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(HERE.parents[1] / 'tools' / 'dist_train.sh'), CONFIG, '2', *options],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        text=True,
        capture_output=True,
        check=False,
    )


def require_close(folders: tuple[str, str], name: str) -> None:
    expected, found = (
        torch.load(f'{folder}/{name}', weights_only=True)['state_dict'] for folder in folders
    )
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-4)


def test_sharded_training_is_the_same_training(work_dir: Path, run_tool) -> None:
    write_dfew(work_dir / 'dfew')
    # The runners draw first weights at different moments.
    model = MODELS.build(Config.fromfile(CONFIG).model)
    torch.save(dict(meta={}, state_dict=model.state_dict()), 'start.pth')
    done = train_sharded('--work-dir', 'sharded')

    assert done.returncode == 0, done.stderr[-3000:]
    plain = ('runner_type=Runner', 'train_dataloader.batch_size=4')
    run_tool('train', CONFIG, '--work-dir', 'plain', '--cfg-options', *plain)
    expected, clips = seen('plain')
    losses, same = seen('sharded')
    assert len(expected) == 3
    assert same == clips
    assert losses == pytest.approx(expected, rel=1e-3)
    require_close(('plain', 'sharded'), 'iter_3.pth')
    # tools/test.py takes it as any other.
    single = ('runner_type=Runner',)
    run_tool('test', CONFIG, 'sharded/iter_3.pth', '--work-dir', 't', '--cfg-options', *single)
    # It goes on where it stopped, with the momentum that it had.
    longer = ('train_cfg.max_iters=5', 'train_cfg.val_interval=5')
    done = train_sharded('--work-dir', 'sharded', '--resume', '--cfg-options', *longer)
    assert done.returncode == 0, done.stderr[-3000:]
    run_tool('train', CONFIG, '--work-dir', 'straight', '--cfg-options', *plain, *longer)
    expected, clips = seen('straight')
    losses, same = seen('sharded')
    assert len(losses) == 2
    assert same == clips[-2:]
    assert losses == pytest.approx(expected[-2:], rel=1e-3)
    require_close(('straight', 'sharded'), 'iter_5.pth')
