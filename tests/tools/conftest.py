"""The programs that cross_validate.py and sweep.py start: here, or without any work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_runs import run_tool

Command = list[str]


def replace_programs(monkeypatch: pytest.MonkeyPatch, run: Callable[[Command], Any]) -> None:
    """Programs of Python are run by a function instead."""
    real = subprocess.Popen

    def start(command: Command, *others: Any, **options: Any) -> Any:
        # MMEngine starts the compiler, to know its version.
        if command[0] != sys.executable:
            return real(command, *others, **options)
        run(command)
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(subprocess, 'Popen', start)


@pytest.fixture
def programs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs run in this process."""
    replace_programs(monkeypatch, lambda command: run_tool(Path(command[1]).stem, *command[2:]))


@pytest.fixture
def fake_programs(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Command], dict]], list[Command]]:
    """Each program writes a checkpoint, and into its results what a function says.

    The commands of the programs are in the list that this gives.
    """

    def replace(find_results: Callable[[Command], dict]) -> list[Command]:
        commands: list[Command] = []

        def run(command: Command) -> None:
            commands.append([Path(command[1]).name, *command[2:]])
            folder = Path(command[command.index('--work-dir') + 1])
            (folder / 'best_dfer_WAR_epoch_1.pth').touch()
            content = json.dumps(find_results(command))
            for word in command:
                if word.startswith('test_evaluator.save_to='):
                    Path(word.partition('=')[2]).write_text(content)

        replace_programs(monkeypatch, run)
        return commands

    return replace
