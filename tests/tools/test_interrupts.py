"""Ctrl-C ends each long program with one line, and keeps what was finished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mini_corpora import write_dfew
from processes import in_fork
from small_runs import TOOLS, frozen_config, run_tool, small_config, write_frozen_corpus

from dferclip_mm.dataset_check.inspect_clips import inspect_clips
from dferclip_mm.precompute import clip_features
from dferclip_mm.precompute.clip_store import ClipStore


def interrupted(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """The function, in whose call number `at` a terminal sends Ctrl-C to all of its processes."""
    counted = Path('calls')

    def call(*args: Any, **settings: Any) -> Any:
        with counted.open('a') as file:
            file.write('.')
            file.flush()
            # Behind what this process has written, also where another writes at the same time.
            number = file.tell()
        if number == at:
            os.killpg(0, signal.SIGINT)
        elif number > at:
            # Other processes, until they hear of it.
            time.sleep(0.5)
        return function(*args, **settings)

    return call


def end_of(log: Path, owner: Any, name: str, at: int, tool: str, *arguments: object) -> int:
    """The exit code of a program that gets Ctrl-C in the call number `at` of a function."""

    def child() -> None:
        # What is a hang.
        signal.alarm(300)
        os.setpgid(0, 0)
        setattr(owner, name, interrupted(getattr(owner, name), at))
        run_tool(tool, *arguments)

    return in_fork(child, log)


# The function whose fourth call is interrupted, and the folder that keeps three results.
PROGRAMS = {
    'pack_dataset': (ClipStore, 'write', 'packs'),
    'cache_frames': (ClipStore, 'write', 'features'),
    'check_dataset': (sys.modules[inspect_clips.__module__], '_digest', None),
    'extract_features': (clip_features, 'clip_features', None),
}


@pytest.mark.parametrize('tool', PROGRAMS)
@pytest.mark.parametrize('workers', [0, 2])
def test_a_program_over_clips_ends_in_one_line(tool: str, workers: int, work_dir: Path) -> None:
    config, log, options = work_dir / 'config.py', work_dir / 'log.txt', ['--workers', workers]
    if tool == 'cache_frames':
        root = write_frozen_corpus(work_dir)
        frozen_config('dferclip_dfew_frozen_cached', root, work_dir / 'run').dump(config)
    else:
        write_dfew(work_dir / 'DFEW', num_frames=3)
        small_config('dferclip_dfew', work_dir, work_dir / 'run').dump(config)
    if tool == 'pack_dataset':
        options = ['packs', *options]
    elif tool == 'extract_features':
        options = ['none', 'features.npz', '--batch-size', 1, *options]
    owner, name, kept = PROGRAMS[tool]
    assert end_of(log, owner, name, 4, tool, config, *options) == 130, log.read_text()
    said = log.read_text()
    assert 'Traceback' not in said
    assert said.splitlines().count('interrupted: what was finished before is kept') == 1
    # Of 14 and 7: what no process has begun is left.
    assert Path('calls').stat().st_size < (7 if tool == 'extract_features' else 12)
    if kept is not None:
        assert len(list((work_dir / kept).rglob('*.safetensors'))) >= 3
        assert list((work_dir / kept).rglob('*.tmp')) == []


# In place of PyTorch, whose import takes seconds.
SLOW_IMPORT = """
import pathlib, time
pathlib.Path('importing').touch()
time.sleep(60)
"""


DFERCLIP = ['-c', 'import dferclip; dferclip.main()', 'crop', 'data']


@pytest.mark.parametrize('program', [[str(TOOLS / 'train.py')], DFERCLIP])
def test_a_program_that_is_still_importing_ends_in_one_line(
    program: list[str], work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work_dir / 'torch.py').write_text(SLOW_IMPORT)
    (work_dir / 'numpy.py').write_text(SLOW_IMPORT)
    monkeypatch.setenv('PYTHONPATH', str(work_dir), prepend=os.pathsep)
    started = subprocess.Popen(
        [sys.executable, *program, 'config.py'],
        stderr=subprocess.PIPE,
        text=True,
        # Ignored in what a shell starts in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not Path('importing').is_file():
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    assert started.communicate(timeout=60)[1] == '\ninterrupted\n'
    assert started.returncode == 130
