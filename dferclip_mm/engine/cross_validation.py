"""The runs of a cross-validation: which there are, and training and testing one of them."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmaction.registry import DATASETS
from mmengine.config import Config

from ..emotions import resolve_classes
from .hooks.preemption_hook import EXIT_CODE, SIGNALS


@dataclass(frozen=True)
class Run:
    """One training and its test.

    Attributes:
        name: for messages, such as ``fold 2``.
        work_dir: its folder.
        options: data options of train.py and test.py, such as ``['--fold', '2']``.
        settings: ``--cfg-options`` of both.
    """

    name: str
    work_dir: Path
    options: Sequence[str] = ()
    settings: Sequence[str] = ()


@dataclass(frozen=True)
class Programs:
    """How to start train.py and test.py.

    Attributes:
        tools: folder of the programs.
        config: the config file.
        gpus: processes per run; above 1 the shell scripts start them.
        train_options: options of train.py only, such as ``['--batch-size', '48']``.
    """

    tools: Path
    config: str
    gpus: int = 1
    train_options: Sequence[str] = field(default=())

    def train(self, run: Run) -> list[str]:
        """The command that trains a run, or resumes it."""
        return self._command('train', [], ['--resume', *self.train_options], run, run.settings)

    def test(self, run: Run, checkpoint: Path, save_to: Path) -> list[str]:
        """The command that evaluates a run and saves its results as JSON."""
        settings = [*run.settings, f'test_evaluator.save_to={save_to}']
        return self._command('test', [str(checkpoint)], [], run, settings)

    def _command(
        self, name: str, files: list[str], options: list[str], run: Run, settings: Sequence[str]
    ) -> list[str]:
        start = [sys.executable, str(self.tools / f'{name}.py'), self.config, *files]
        if self.gpus > 1:
            start = [str(self.tools / f'dist_{name}.sh'), self.config, *files, str(self.gpus)]
        start += ['--work-dir', str(run.work_dir), *options, *run.options]
        return [*start, '--cfg-options', *settings] if settings else start


def find_folds(cfg: Config, chosen: Sequence[int] | None) -> list[int]:
    """The chosen folds, or all folds of the test dataset.

    Raises:
        ValueError: when the dataset has no such fold.
    """
    kind = DATASETS.get(cfg.test_dataloader.dataset.type)
    every = range(1, getattr(kind, 'FOLDS', 5) + 1)
    wrong = [fold for fold in chosen or () if fold not in every]
    if wrong:
        known = ', '.join(map(str, every))
        raise ValueError(f'--folds: expected folds of {kind.__name__} ({known}), found {wrong[0]}')
    return list(chosen or every)


def find_classes(cfg: Config, chosen: Sequence[str]) -> list[str]:
    """The chosen classes of the config's head, or all of them.

    Raises:
        ValueError: when the head names no classes, or a chosen class is not one of them.
    """
    classes = cfg.model.cls_head.get('classes')
    if not classes:
        raise ValueError('--leave-one-class-out: the config has no model.cls_head.classes')
    names = resolve_classes(classes)
    wrong = [name for name in chosen if name not in names]
    if wrong:
        raise ValueError(
            f'--leave-one-class-out: expected a class of {", ".join(names)}, found {wrong[0]!r}'
        )
    return list(chosen or names)


def settings_without(name: str) -> list[str]:
    """The settings of a run that is tested on a class that it has never seen.

    The validation clips exclude the class too: a checkpoint chosen by its recall alone would be one
    that always predicts it.
    """
    others = [
        f'{split}_dataloader.dataset.exclude_classes=["{name}"]' for split in ('train', 'val')
    ]
    return [*others, f'test_dataloader.dataset.include_classes=["{name}"]']


def find_checkpoint(work_dir: Path, cfg: Config) -> Path:
    """The result of a training: the best checkpoint by ``save_best``, else the last one.

    With several metrics in ``save_best``, the first decides.

    Raises:
        FileNotFoundError: when the folder has no such checkpoint.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    best = hook.get('save_best')
    if not best:
        last = Path((work_dir / 'last_checkpoint').read_text().strip())
        # The folder may have been moved or copied since.
        moved = work_dir / last.name
        return moved if moved.is_file() else last
    # The names that MMEngine's CheckpointHook gives.
    first = best if isinstance(best, str) else best[0]
    key = '*' if first == 'auto' else glob.escape(first.replace('/', '_'))
    pattern = f'best_{key}_*'
    found = sorted(work_dir.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError(
            f'no {pattern} in {work_dir}: validate at least once within train_cfg.max_epochs, '
            'or use the last epoch with default_hooks.checkpoint.save_best=None'
        )
    return found[-1]


def train_and_test(run: Run, programs: Programs, cfg: Config) -> Path:
    """Train and evaluate a run, unless its results exist already.

    Args:
        run: the run.
        programs: how to start it.
        cfg: its config with ``--cfg-options`` merged, to find its checkpoint.

    Returns:
        the file of its results.
    """
    results = run.work_dir / 'test_results.json'
    if results.is_file():
        print(f'{run.name}: finished before, results read from {results} (delete it to run again)')
        return results
    start(programs.train(run), run.name)
    checkpoint = find_checkpoint(run.work_dir, cfg)
    start(programs.test(run, checkpoint, results), run.name)
    return results


def start(command: Sequence[str], name: str) -> None:
    """Run a program to its end and forward SIGTERM and SIGUSR1 to it.

    Raises:
        SystemExit: with code 75 after such a signal, and with a message when the program fails.
    """
    print('+', ' '.join(command), flush=True)
    received: list[int] = []
    started: list[subprocess.Popen] = []

    def forward(number: int, frame: object) -> None:
        received.append(number)
        for child in started:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        # The shell scripts start $PYTHON.
        child = subprocess.Popen(command, env={**os.environ, 'PYTHON': sys.executable})
        started.append(child)
        # Signals that arrived before the child existed.
        for number in received:
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # torchrun ends with 1 after a signal.
    if received or code == EXIT_CODE:
        print(f'{name}: stop signal received; the same command resumes it', file=sys.stderr)
        raise SystemExit(EXIT_CODE)
    if code:
        raise SystemExit(
            f'error: {name} stopped with exit code {code}; the same command resumes it'
        )
