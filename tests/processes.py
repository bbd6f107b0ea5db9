"""Run a function in a forked process, or in several that form a gloo group, or a new Python."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.registry import init_default_scope
from torch import distributed, multiprocessing

import dferclip_mm  # noqa: F401 - registers the components


def _enter(rank: int, world: int, folder: str, function: Callable, args: tuple) -> None:
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=world
    )
    try:
        torch.save(function(rank, *args), f'{folder}/{rank}.pt')
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def in_processes(function: Callable, *args: Any, world: int = 2, fork: bool = False) -> list[Any]:
    """What ``function(rank, *args)`` returns in each process; a function of a module's top level.

    Forked processes start at once; autograd works in them where the parent has no GPU.
    """
    method = 'fork' if fork else 'spawn'
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(
            _enter, (world, folder, function, args), nprocs=world, start_method=method
        )
        return [
            torch.load(Path(folder) / f'{rank}.pt', weights_only=False) for rank in range(world)
        ]


def in_fork(function: Callable[[], Any], log: Path) -> int:
    """How a forked process ended: 0, its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # A fork lacks the threads of the tests' process, which libraries would wait for.
            cv2.setNumThreads(0)
            torch.set_num_threads(1)
            gc.freeze()
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            # pytest replaces these.
            sys.stdout = sys.stderr = os.fdopen(out, 'w', buffering=1)
            function()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                print(end.code)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def run_python(
    *words: object, path: Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A new Python with these arguments, such as ``'-c', PROGRAM``, that imports from `path`."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, 'PYTHONPATH': str(path)},
        cwd=cwd,
        text=True,
        capture_output=True,
        check=False,
    )
