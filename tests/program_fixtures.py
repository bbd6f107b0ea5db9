"""What tests of the programs in tools/ stand on: an empty folder, a run of seconds, the call."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / 'tests' / 'tools'


@pytest.fixture
def toy_config() -> str:
    return str(HERE / 'toy_config.py')


@pytest.fixture
def work_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with the toy run importable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}:{ROOT}/demo:{HERE}')
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    return tmp_path


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a program of tools/ in this process, as ``python tools/NAME.py ARGUMENTS`` does."""

    def run(name: str, *arguments: object) -> None:
        program = str(ROOT / 'tools' / f'{name}.py')
        monkeypatch.setattr(sys, 'argv', [program, *map(str, arguments)])
        # MMEngine finds these by the run's name and second; a new process has none of them.
        for kept in (MMLogger, MessageHub, Visualizer, DefaultScope):
            kept._instance_dict.clear()
        runpy.run_path(program, run_name='__main__')

    return run
