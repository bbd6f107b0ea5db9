"""A small run in forked processes that get a signal, or are killed while they write a checkpoint.

Forked from a process that has imported everything and computed nothing.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmengine.runner.runner
import torch
from comparing import differences
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from processes import in_fork
from small_runs import small_config, start

from dferclip_mm.engine.run import friendly_errors

EPOCHS = 3


def config(work_dir: Path, *, keep: int = -1, **options: Any) -> Config:
    """The toy run with our hooks, an average of its weights, momentum and two schedules.

    With seed 0 the second epoch has the best score, with seed 2 the third; the first has a worse.
    `options` are those of ``small_config``.
    """
    cfg = small_config('toy', work_dir=work_dir)
    cfg.train_cfg.max_epochs = EPOCHS
    for loader, batch in ((cfg.train_dataloader, 10), (cfg.val_dataloader, 60)):
        loader.batch_size, loader.dataset.size = batch, 60
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.05, momentum=0.9)
    cfg.param_scheduler = [
        dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=EPOCHS, T_max=EPOCHS),
        dict(type='OneCycleLR', eta_max=0.03, total_steps=30, by_epoch=False),
    ]
    cfg.default_hooks.checkpoint.update(type='AtomicCheckpointHook', max_keep_ckpts=keep)
    kinds = ('StrictLoadHook', 'ExactResumeHook', 'PreemptionHook', 'CheckInvalidLossHook')
    cfg.custom_hooks = [dict(type=kind) for kind in kinds]
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.5))
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def train(cfg: Config, *, resume: bool = False) -> Any:
    """Train, as tools/train.py does with or without ``--resume``; the runner."""
    # Asks nvcc and git, in a second and a half.
    mmengine.runner.runner.collect_env = dict
    torch.set_num_threads(1)
    cfg.resume = resume
    runner = start(cfg)
    runner.train()
    return runner


@HOOKS.register_module(force=True)
class TermHook(Hook):
    """Sends process `rank` a signal in iteration `at`, or in what comes after it."""

    priority = 'LOW'

    def __init__(self, at: int, number: int, rank: int = 0, when: str = 'train_iter') -> None:
        self.at, self.number, self.rank = at, number, rank
        setattr(self, f'after_{when}', self._send)

    def _send(self, runner: Any, batch_idx: int | None = None, **_: Any) -> None:
        # An iteration counts when its hooks are done.
        training = batch_idx is not None and runner.model.training
        if runner.iter + training == self.at and get_rank() == self.rank:
            os.kill(os.getpid(), self.number)


def go(
    folder: Path,
    name: str,
    *,
    resume: bool = False,
    keep: int = 1,
    hooks: Sequence[dict] = (),
    at: int | None = None,
    number: int = signal.SIGTERM,
    when: str = 'train_iter',
    **options: Any,
) -> int:
    """The exit code of a run with `options` in its config and, maybe, a signal; FOLDER/NAME.txt."""

    def child() -> None:
        # Ignored in what a shell starts in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cfg = config(folder / 'run', keep=keep, **options)
        cfg.custom_hooks += hooks
        if at is not None:
            cfg.custom_hooks.append(dict(type='TermHook', at=at, number=int(number), when=when))
        with friendly_errors():
            train(cfg, resume=resume)

    folder.mkdir(exist_ok=True)
    return in_fork(child, folder / f'{name}.txt')


def check_equal(straight: Path, resumed: Path) -> None:
    """Compare all checkpoints of two runs at tolerance 0."""
    names = sorted(path.name for path in (straight / 'run').glob('*.pth'))
    assert names == sorted(path.name for path in (resumed / 'run').glob('*.pth*'))
    for name in names:
        assert differences(straight / 'run' / name, resumed / 'run' / name) == []


class Steps:
    """Counts what a process does to checkpoint files, and kills it at one step.

    A file's opening for writing, half of each write, its end, and what comes before and after each
    renaming and removal are steps; files outside of `folder` do not count.

    Args:
        folder: the run's.
        last: the step at which the process is killed; None lets it live.
    """

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last, self.names = str(folder), last, []

    def step(self, name: str) -> None:
        self.names.append(name)
        if self.last is not None and len(self.names) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def counts(self, path: Any) -> bool:
        if not isinstance(path, str | os.PathLike):
            return False
        name = os.fspath(path)
        return name.startswith(self.folder) and ('.pth' in name or 'last_checkpoint' in name)

    def install(self) -> None:
        """Stand between the run and the system."""
        opened = io.open

        def open_(path: Any, mode: str = 'r', *args: Any, **settings: Any) -> Any:
            if not (self.counts(path) and 'w' in mode):
                return opened(path, mode, *args, **settings)
            name = Path(path).name
            self.step(f'before opening {name}')
            stream = opened(path, mode, *args, **settings)
            write = stream.write

            def in_halves(content: Any) -> int:
                middle = len(content) // 2
                self.step(f'before writing {name}')
                write(content[:middle])
                stream.flush()
                self.step(f'half of {name}')
                write(content[middle:])
                stream.flush()
                self.step(f'all of {name}')
                return len(content)

            return _Stream(stream, in_halves)

        builtins.open = io.open = open_
        for function in ('replace', 'rename', 'remove', 'unlink'):
            self._wrap(function)

    def _wrap(self, function: str) -> None:
        real = getattr(os, function)

        def wrapped(path: Any, *args: Any, **settings: Any) -> Any:
            # A removal of nothing is no step.
            if not self.counts(path) or not Path(path).exists():
                return real(path, *args, **settings)
            self.step(f'before {function} {Path(path).name}')
            found = real(path, *args, **settings)
            self.step(f'after {function} {Path(path).name}')
            return found

        setattr(os, function, wrapped)


class _Stream:
    def __init__(self, stream: Any, write: Callable[[Any], int]) -> None:
        self._stream, self.write = stream, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.close()
