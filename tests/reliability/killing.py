"""A small run in forked processes that get a signal, or are stopped while they write a checkpoint.

Forked from a process that has imported everything and computed nothing.
"""

from __future__ import annotations

import os
import re
import signal
import sys
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

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE
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


def train(cfg: Config, *, resume: bool = False) -> None:
    """Train, as tools/train.py does with or without ``--resume``."""
    # Asks nvcc and git, in a second and a half.
    mmengine.runner.runner.collect_env = dict
    torch.set_num_threads(1)
    cfg.resume = resume
    start(cfg).train()


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
    stop: Callable[[str, Path], None] | None = None,
    test: bool = False,
    **options: Any,
) -> tuple[int, str]:
    """How a run, or a test, ended and what it said: with `options` in its config.

    Maybe with a signal `at` an iteration, and with a `stop` for ``watch_files``.
    """

    def child() -> None:
        # Ignored in what a shell starts in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cfg = config(folder / 'run', keep=keep, **options)
        cfg.custom_hooks += hooks
        if at is not None:
            cfg.custom_hooks.append(dict(type='TermHook', at=at, number=int(number), when=when))
        if stop is not None:
            watch_files(folder, stop)
        with friendly_errors():
            start(cfg).test() if test else train(cfg, resume=resume)

    folder.mkdir(exist_ok=True, parents=True)
    log = folder / f'{name}.txt'
    log.unlink(missing_ok=True)
    return in_fork(child, log), log.read_text()


def finish(folder: Path, name: str = 'whole', **options: Any) -> str:
    """What a run said that comes to its end."""
    code, said = go(folder, name, **options)
    assert code == 0, said[-3000:]
    return said


def refusal(code: int, said: str) -> str:
    """The one sentence in which a run was refused."""
    assert code == 1, said[-3000:]
    assert 'Traceback' not in said
    (line,) = [line for line in said.splitlines() if line.startswith('error: ')]
    return line


def names(folder: Path, pattern: str = '*.pth*') -> list[str]:
    """The checkpoint files of a run."""
    return sorted(path.name for path in (folder / 'run').glob(pattern))


def check_equal(straight: Path, resumed: Path, where: str = '') -> None:
    """Compare all checkpoints of two runs at tolerance 0."""
    assert names(straight) == names(resumed), where
    for name in names(straight):
        found = differences(straight / 'run' / name, resumed / 'run' / name)
        assert found == [], f'{where} {name}'


def check_resumes(folder: Path, *, at: int, number: int = signal.SIGTERM, **run: Any) -> str:
    """Run straight, and again with a signal; the resumed run ends equal. What was said before."""
    when = run.pop('when', 'train_iter')
    finish(folder / 'straight', **run)
    code, said = go(folder / 'halves', 'first', at=at, number=number, when=when, **run)
    assert code in (EXIT_CODE, -signal.SIGKILL), said[-3000:]
    assert 'Traceback' not in said
    finish(folder / 'halves', 'second', resume=True, **run)
    check_equal(folder / 'straight', folder / 'halves')
    return said


def watch_files(folder: Path, stop: Callable[[str, Path], None]) -> None:
    """Call ``stop(step, file)`` at each write, renaming and removal of checkpoint files below.

    What a file may be like when a process ends: before a step, and half-written. By a hook of
    Python's audit, which cannot be taken back: only for processes that end soon.
    """

    def hook(event: str, arguments: tuple) -> None:
        step = {'open': 'writing', 'os.rename': 'renaming', 'os.remove': 'removing'}.get(event)
        if step is None or (event == 'open' and 'w' not in (arguments[1] or '')):
            return
        path = Path(os.fsdecode(arguments[0]))
        if not path.is_relative_to(folder) or not re.search('[.]pth|last_checkpoint', path.name):
            return
        # A removal of nothing is no step.
        if event == 'open' or path.exists():
            stop(f'before {step} {path.name}', path)
            if event != 'os.remove':
                stop(f'half of {step} {path.name}', path)

    sys.addaudithook(hook)
