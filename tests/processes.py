"""Run a function in several processes that form a gloo group."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
        distributed.destroy_process_group()


def in_processes(function: Callable, *args: Any, world: int = 2, fork: bool = False) -> list[Any]:
    """What ``function(rank, *args)`` returns in each process; a function of a module's top level.

    Forked processes start at once, but autograd refuses to work in them.
    """
    method = 'fork' if fork else 'spawn'
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(
            _enter, (world, folder, function, args), nprocs=world, start_method=method
        )
        return [
            torch.load(Path(folder) / f'{rank}.pt', weights_only=False) for rank in range(world)
        ]
