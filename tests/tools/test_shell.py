"""The commands that the shell programs start; tests/reliability has real runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from small_runs import TOOLS

TORCHRUN = ('-m', 'torch.distributed.run')


@pytest.fixture
def started(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``srun`` and ``$PYTHON`` only write their arguments into this file."""
    for name in ('srun', 'fake_python'):
        program = work_dir / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {work_dir}/words\n')
        program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{work_dir}:{os.environ["PATH"]}')
    monkeypatch.setenv('PYTHON', 'fake_python')
    return work_dir / 'words'


def call(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / script), *arguments],
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        check=False,
    )


def test_one_machine_uses_a_free_port(started: Path) -> None:
    assert call('dist_train.sh', 'c.py', '8', '--amp', '--seed', '1').returncode == 0
    assert started.read_text().splitlines() == [
        *(*TORCHRUN, '--standalone', '--nproc_per_node', '8', '--max-restarts', '0'),
        *(f'{TOOLS}/train.py', 'c.py', '--launcher', 'pytorch', '--amp', '--seed', '1'),
    ]


@pytest.mark.parametrize('checkpoint', [['b.pth'], []])
def test_several_machines_connect_to_the_first(started: Path, checkpoint: list[str]) -> None:
    environment = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'first', 'PORT': '29501'}
    assert call('dist_test.sh', 'c.py', *checkpoint, '4', **environment).returncode == 0
    assert started.read_text().splitlines() == [
        *(*TORCHRUN, '--nnodes', '2', '--node_rank', '1', '--master_addr', 'first'),
        *('--master_port', '29501', '--nproc_per_node', '4'),
        *(f'{TOOLS}/test.py', 'c.py', *checkpoint, '--launcher', 'pytorch'),
    ]
    done = call('dist_train.sh', 'c.py', '4', NNODES='2', NODE_RANK='0')
    assert done.returncode != 0
    assert 'address of the machine with NODE_RANK 0' in done.stderr


def test_a_slurm_job_has_the_resources_of_the_environment(started: Path) -> None:
    environment = {'GPUS': '4', 'CPUS_PER_TASK': '6', 'SRUN_ARGS': '--time=1:00 --exclusive'}
    assert call('slurm_train.sh', 'part', 'job', 'c.py', '--resume', **environment).returncode == 0
    assert started.read_text().splitlines() == [
        *('-p', 'part', '--job-name=job', '--gres=gpu:4', '--ntasks=4', '--ntasks-per-node=4'),
        *('--cpus-per-task=6', '--kill-on-bad-exit=1', '--time=1:00', '--exclusive'),
        *('fake_python', '-u', f'{TOOLS}/train.py', 'c.py', '--launcher', 'slurm', '--resume'),
    ]
    assert call('slurm_test.sh', 'part', 'job', 'c.py', 'b.pth', '--dump', 'x.pkl').returncode == 0
    words = started.read_text().partition(f'{TOOLS}/test.py\n')[2].split()
    assert words == ['c.py', 'b.pth', '--dump', 'x.pkl', '--launcher', 'slurm']
