"""What every program that starts a run shares: its arguments, its config, its runner."""

from __future__ import annotations

import argparse
import linecache
import os
import traceback
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

from .. import compat
from .hooks.strict_checkpoint_hook import StrictCheckpointHook

_PACKAGE = Path(__file__).resolve().parent.parent


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that MMAction2's own programs, ``mim`` and torchrun rely on."""
    parser.add_argument('--work-dir', help='folder for logs and checkpoints; created')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings that override the config: key=value, with dots between levels; '
        'a list is key="[a,b]"',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # Still handed over by `mim` through torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(
    path: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    work_dir: str | None = None,
    launcher: str = 'none',
) -> Config:
    """Read a config, override it, and settle where the run writes.

    Args:
        path: the config file.
        options: dotted keys and their values, as ``--cfg-options`` gives them.
        work_dir: comes before the config's own; without either, ``work_dirs/<config's name>``.
        launcher: none, pytorch (torchrun), slurm or mpi.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no config file at {path} (seen from {Path.cwd()})')
    cfg = Config.fromfile(str(path))
    if options:
        cfg.merge_from_dict(dict(options))
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(path).stem)
    cfg.launcher = launcher
    return cfg


def enable_amp(cfg: Config) -> None:
    """Train with automatic mixed precision.

    Raises:
        ValueError: when the config has an optimizer wrapper of its own, or there is no GPU.
    """
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError(
            f'--amp replaces OptimWrapper, but optim_wrapper.type is {wrapper}: leave --amp out'
        )
    if get_device() == 'cpu':
        raise ValueError('--amp needs a GPU and none is visible: leave it out on the CPU')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def enable_lr_scaling(cfg: Config) -> None:
    """Scale the learning rates by the run's batch size over the config's.

    Raises:
        ValueError: when the config does not say which batch size its rates are for.
    """
    if cfg.get('auto_scale_lr', {}).get('base_batch_size') is None:
        raise ValueError(
            '--auto-scale-lr needs auto_scale_lr.base_batch_size in the config: the batch size '
            'that its learning rates are for'
        )
    cfg.auto_scale_lr.enable = True


def enable_resume(cfg: Config, source: str) -> None:
    """Continue an interrupted run, or begin it when there is nothing to continue.

    Args:
        cfg: the run's config, its ``work_dir`` settled.
        source: a checkpoint, or ``'auto'`` for the latest one in ``work_dir``. Before the first
            checkpoint ``'auto'`` starts as the config says, with its ``load_from``.
    """
    if source != 'auto':
        cfg.resume, cfg.load_from = True, source
    elif (Path(cfg.work_dir) / 'last_checkpoint').is_file():
        cfg.resume, cfg.load_from = True, None
    else:
        cfg.resume = False
        if os.environ.get('RANK', '0') == '0':
            print(f'nothing to resume in {cfg.work_dir}: training starts from the beginning')


def require_checkpoint(path: str | None) -> None:
    """Refuse a local checkpoint that cannot be one, before a model is built for it.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is no PyTorch file, for instance because its end is missing.
    """
    if path is None or '://' in path:
        return
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'no checkpoint at {path} (seen from {Path.cwd()})')
    with file.open('rb') as stream:
        # Files of PyTorch before 1.6 are bare pickles.
        is_pickle = stream.read(1) == b'\x80'
    if not is_pickle and not zipfile.is_zipfile(file):
        raise ValueError(
            f'{path} ({file.stat().st_size} bytes) is no PyTorch checkpoint, or its end is '
            'missing: copy or train it again'
        )


def build_runner(cfg: Config) -> Runner:
    """Build the run, with several processes on the CPU too, and checkpoints loaded strictly.

    Args:
        cfg: what ``load_config`` returned; ``load_from`` may name a checkpoint.

    Raises:
        FileNotFoundError, ValueError: when ``load_from`` is no checkpoint.
    """
    require_checkpoint(cfg.get('load_from'))
    compat.prepare_cpu_processes(cfg, cfg.launcher)
    if 'runner_type' in cfg:
        from mmaction.registry import RUNNERS

        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    if not any(isinstance(hook, StrictCheckpointHook) for hook in runner.hooks):
        runner.register_hook(StrictCheckpointHook())
    return runner


def set_local_rank(local_rank: int) -> None:
    """Tell MMEngine the process's place on its machine where the launcher has not done so."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))


@contextmanager
def errors_in_one_sentence() -> Iterator[None]:
    """End the program with the message alone when this package raised it on purpose.

    Everything else keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = _PACKAGE in Path(last.filename).resolve().parents
        on_purpose = linecache.getline(last.filename, last.lineno or 0).lstrip().startswith('raise')
        if not (ours and on_purpose):
            raise
        raise SystemExit(f'error: {error.args[0] if error.args else error}') from error
