"""The runs of a cross-validation: which there are, and training and testing one of them."""

from __future__ import annotations

import glob
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.runner import find_latest_checkpoint

from .checks.arguments import is_recall_metric
from .hooks.preemption_hook import EXIT_CODE, SIGNALS
from .lookup import count_folds, dataset_configs, unwrap_datasets
from .options import merge_data_options, merge_options


@dataclass(frozen=True)
class Run:
    """One training and its test."""

    # For messages, such as 'fold 2'.
    name: str
    # With the output of its programs and its results.
    work_dir: Path
    # Of its datasets; None for that of the config.
    fold: int | None = None
    # --cfg-options of this run only.
    settings: Sequence[str] = ()

    @property
    def results(self) -> Path:
        """The file that its test writes."""
        return self.work_dir / 'test_results.json'

    def configure(self, cfg: Config) -> Config:
        """A copy of a config with the fold and the settings of this run."""
        copied = Config(cfg.to_dict())
        merge_data_options(copied, fold=self.fold)
        merge_options(copied, self.settings)
        return copied


@dataclass(frozen=True)
class Programs:
    """How to start train.py and test.py, which lie in `tools`."""

    tools: Path
    config: str
    # Processes per run; above 1 the shell scripts start them.
    gpus: int = 1
    data_root: str | None = None
    # Of training.
    batch_size: int | None = None
    # --cfg-options of both.
    settings: Sequence[str] = ()

    def command(self, name: str, run: Run, files: Sequence[str] = ()) -> list[str]:
        """The command that trains a run, or resumes it (``train``), or tests a file (``test``)."""
        start = [sys.executable, str(self.tools / f'{name}.py'), self.config, *files]
        if self.gpus > 1:
            start = [str(self.tools / f'dist_{name}.sh'), self.config, *files, str(self.gpus)]
        start += ['--work-dir', str(run.work_dir)]
        start += [] if self.data_root is None else ['--data-root', self.data_root]
        start += [] if run.fold is None else ['--fold', str(run.fold)]
        settings = [*self.settings, *run.settings]
        if name == 'train':
            start += ['--resume']
            start += [] if self.batch_size is None else ['--batch-size', str(self.batch_size)]
        else:
            settings.append(f'test_evaluator.save_to={run.results}')
        return [*start, '--cfg-options', *settings] if settings else start


def find_folds(cfg: Config) -> list[int]:
    """All folds of the test dataset; ValueError when it has none."""
    if cfg.get('test_dataloader') is None:
        raise ValueError('cross-validation needs a test_dataloader in the config')
    settings = next(unwrap_datasets(cfg.test_dataloader.dataset))
    kind = DATASETS.get(settings.type)
    count = count_folds(settings)
    if count == 1 and not hasattr(kind, 'FOLDS'):
        raise ValueError(
            f'cross-validation needs a dataset with folds, and {kind.__name__} of test_dataloader '
            'reads one list: train and test it with tools/train.py and tools/test.py'
        )
    return list(range(1, (count or 5) + 1))


def settings_without(name: str) -> list[str]:
    """The settings of a run that is tested on a class that it has never seen.

    The validation clips exclude the class too: a checkpoint chosen by its recall alone would be one
    that always predicts it.
    """
    names = json.dumps([name], ensure_ascii=False)
    return [
        f'train_dataloader.dataset.exclude_classes={names}',
        f'val_dataloader.dataset.exclude_classes={names}',
        f'test_dataloader.dataset.include_classes={names}',
    ]


def check_runs(cfg: Config, runs: Sequence[Run]) -> None:
    """Check before the first training that every run has its lists, and that results are written.

    Raises FileNotFoundError at the first missing file, with the folds that lack none, and
    ValueError when datasets do not take the settings, or not one RecallMetric tests.
    """
    if not is_recall_metric(cfg.get('test_evaluator')):
        raise ValueError(
            'cross-validation reads the results of one RecallMetric: set '
            "test_evaluator=dict(type='RecallMetric')"
        )
    missing: dict[str, FileNotFoundError] = {}
    for run in runs:
        for settings in dataset_configs(run.configure(cfg)):
            # Others have no lists.
            if issubclass(DATASETS.get(settings.type), BaseDataset):
                try:
                    DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
                except FileNotFoundError as error:
                    missing.setdefault(run.name, error)
    if missing:
        complete = [str(run.fold) for run in runs if run.name not in missing]
        advice = f'; the other folds run with --folds {" ".join(complete)}' if complete else ''
        raise FileNotFoundError(f'{next(iter(missing.values()))}{advice}')


def find_checkpoint(work_dir: Path, cfg: Config) -> Path:
    """The result of a training: the best checkpoint by ``save_best``, else the last one.

    With several metrics in ``save_best``, the first decides. Raises FileNotFoundError when the
    folder has no such checkpoint.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    best = hook.get('save_best')
    if not best:
        return Path(find_latest_checkpoint(str(work_dir)))
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


def train_and_test(run: Run, programs: Programs, cfg: Config) -> None:
    """Train and evaluate a run of a config, unless it has its results.

    What its programs print goes to files in its folder. SystemExit has code 75 after a stop signal,
    and the cause when a program fails.
    """
    if run.results.is_file():
        print(f'{run.name}: finished before (delete {run.results} to run it again)')
        return
    start(programs.command('train', run), run, 'train.log')
    checkpoint = find_checkpoint(run.work_dir, run.configure(cfg))
    start(programs.command('test', run, [str(checkpoint)]), run, 'test.log')


def start(command: Sequence[str], run: Run, log: str) -> None:
    """Run a program to its end, also after Ctrl-C; SIGTERM and SIGUSR1 are forwarded to it."""
    path = run.work_dir / log
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f'{run.name}: output in {path}', flush=True)
    received: list[int] = []
    started: list[subprocess.Popen] = []

    def forward(number: int, frame: object) -> None:
        received.append(number)
        # The terminal sends Ctrl-C to the program as well.
        for child in started if number != signal.SIGINT else ():
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in {*SIGNALS, signal.SIGINT}}
    try:
        with path.open('a', encoding='utf-8') as file:
            print('+', ' '.join(command), file=file, flush=True)
            begin = file.tell()
            # The shell scripts start $PYTHON.
            settings = {**os.environ, 'PYTHON': sys.executable}
            child = subprocess.Popen(command, env=settings, stdout=file, stderr=subprocess.STDOUT)
        started.append(child)
        # Signals that arrived before the child existed.
        for number in set(received) - {signal.SIGINT}:
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # torchrun ends with 1 after a signal.
    if received or code == EXIT_CODE:
        print(f'{run.name}: stop signal received; the same command resumes it', file=sys.stderr)
        raise SystemExit(EXIT_CODE)
    if code < 0:
        raise SystemExit(f'error: {run.name} was killed by signal {-code}: see {path}')
    if code:
        raise SystemExit(f'error: {run.name} failed: {find_cause(path, begin)} (see {path})')


def find_cause(path: Path, begin: int = 0) -> str:
    """The last error that a program printed into a file from a byte on, else its last line."""
    text = path.read_bytes()[begin:].decode(errors='replace')
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix('error: ') for line in lines if line.startswith('error: ')]
    return [*lines, *errors][-1] if lines else 'it printed nothing'
