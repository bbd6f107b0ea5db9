"""From the command line to a run: what the programs in tools/ share."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmaction.registry import RUNNERS
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner
from torch import distributed
from torch.distributed import DistError, is_initialized
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from .. import compat
from ..checkpoints.load import check_checkpoint, check_format, is_remote
from ..checkpoints.resume_point import POINTER, checkpoint_location, find_checkpoints
from .checks.config_keys import MMENGINE_HOOKS, check_config_keys
from .hooks.strict_load_hook import StrictLoadHook
from .lookup import find_hook

# Gloo's error when another process no longer answers: it begins with a line of its own source.
_GLOO = re.compile(r'gloo[/\\]transport[/\\]\w+[/\\]\w+\.cc:\d+')
# Our hooks, and what a run without them lacks.
_HOOKS = {
    'AtomicCheckpointHook': 'a crash never damages a checkpoint',
    'StartupCheckHook': 'config, data and model are checked before the first step',
    'ExactResumeHook': 'a resumed run equals an uninterrupted one',
    'PreemptionHook': 'saves when a scheduler stops the run',
    'CheckInvalidLossHook': 'stops at NaN and infinity',
    'UnreadableClipsHook': 'counts unreadable clips',
}
# Raised on purpose, with a message for the user.
_USER_ERRORS = (ValueError, OSError, FloatingPointError)


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
    # `mim` still passes it, through torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(
    path: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    work_dir: str | None = None,
    launcher: str = 'none',
) -> Config:
    """Read a config, override it, and set the folder that the run writes to.

    Args:
        path: the config file.
        options: dotted keys and their values, as ``--cfg-options`` gives them.
        work_dir: overrides the config's own; without either, ``work_dirs/<config's name>``.
        launcher: none, pytorch (torchrun), slurm or mpi.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no config file at {path} (working directory {Path.cwd()})')
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
    """Train with automatic mixed precision, in ``optim_wrapper.dtype``.

    The default is float16 with a scaled loss on a GPU, and bfloat16 on the CPU. Bfloat16 has the
    range of float32, so its loss is not scaled.

    Raises:
        ValueError: when the config has another optimizer wrapper, or another type than bfloat16 on
            the CPU.
    """
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError(
            f'--amp replaces OptimWrapper, but optim_wrapper.type is {wrapper}: leave --amp out'
        )
    if get_device() == 'cpu':
        dtype = cfg.optim_wrapper.setdefault('dtype', 'bfloat16')
        if dtype != 'bfloat16':
            raise ValueError(
                f'--amp: optim_wrapper.dtype is {dtype} and no GPU is visible; the CPU trains '
                'only in bfloat16: set optim_wrapper.dtype=bfloat16'
            )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    scaled = cfg.optim_wrapper.get('dtype') != 'bfloat16'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic' if scaled else dict(enabled=False))


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
    """Resume an interrupted run, or start it when there is nothing to resume.

    Args:
        cfg: the run's config, with its ``work_dir``.
        source: a checkpoint, or ``'auto'`` for the latest one in ``work_dir``. Without any,
            ``'auto'`` starts as the config says, with its ``load_from``. A process that torchrun
            has restarted resumes from the run's own latest checkpoint.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    # MMEngine's default.
    number = 'epoch' if hook.get('by_epoch', True) else 'iter'
    template = hook.get('filename_tmpl') or f'{number}_{{}}.pth'
    folder, pattern = checkpoint_location(cfg.work_dir, hook.get('out_dir'), template)
    pointer = Path(cfg.work_dir) / POINTER
    written = pointer.is_file() or bool(find_checkpoints(folder, pattern))
    again = int(os.environ.get('TORCHELASTIC_RESTART_COUNT') or 0) > 0
    if source != 'auto' and not (again and written):
        cfg.resume, cfg.load_from = True, source
    elif written:
        cfg.resume, cfg.load_from = True, None
    else:
        cfg.resume = False
        if os.environ.get('RANK', '0') == '0':
            print(f'nothing to resume in {cfg.work_dir}: training starts from the beginning')


def build_runner(cfg: Config) -> Runner:
    """Build a run, with several processes on the CPU too, and with strict loading of checkpoints.

    Args:
        cfg: what ``load_config`` returned; ``load_from`` may name a checkpoint.

    Raises:
        FileNotFoundError, ValueError: when ``load_from`` is no checkpoint, or keys are misspelt.
    """
    check_config_keys(cfg)
    source = cfg.get('load_from')
    if 'runner_type' in cfg:
        # That runner loads before hooks start.
        check_checkpoint(source)
    elif source is not None and not is_remote(source) and not Path(source).is_dir():
        # StrictLoadHook reads all of it, in one process, before it is loaded.
        check_format(source)
    dropped = _drop_hooks(cfg)
    compat.prepare_cpu_processes(cfg, cfg.launcher)
    cfg = compat.without_code_layout(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    if 'strict_load' not in dropped and find_hook(runner, StrictLoadHook) is None:
        runner.register_hook(StrictLoadHook())
    _log_missing_hooks(runner)
    return runner


def _drop_hooks(cfg: Config) -> set[str]:
    """Drop the hooks that are None, and return their names; MMEngine drops only its own."""
    hooks = cfg.get('default_hooks') or {}
    dropped = {name for name, hook in hooks.items() if hook is None}
    for name in dropped - MMENGINE_HOOKS:
        hooks.pop(name)
    return dropped


def _log_missing_hooks(runner: Runner) -> None:
    present = {kind.__name__ for hook in runner.hooks for kind in type(hook).__mro__}
    missing = [f'{name} ({what})' for name, what in _HOOKS.items() if name not in present]
    if missing:
        runner.logger.info(
            f'this run leaves out: {", ".join(missing)}; '
            'default_hooks in configs/_base_/default_runtime.py shows how to add them'
        )


def set_local_rank(local_rank: int) -> None:
    """Set ``LOCAL_RANK``, which MMEngine reads, where the launcher has not set it."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))


def destroy_process_group() -> None:
    """End the process group after a run: gloo may abort when the interpreter ends it."""
    if is_initialized():
        distributed.destroy_process_group()


@contextmanager
def friendly_errors() -> Iterator[None]:
    """End a program with one line instead of a traceback when its user has to change something.

    That is a ValueError, an OSError or a FloatingPointError; other errors keep their traceback.
    ``DFERCLIP_MM_TRACEBACK=1`` shows it for all. torchrun reports the error of the process that
    failed first, not the errors of those that waited for it.
    """
    try:
        yield
    except Exception as error:
        if not _is_of_another_process(error):
            # Into a file that torchrun reads; nothing happens without torchrun.
            get_error_handler().record_exception(error)
        if not isinstance(error, _USER_ERRORS) or os.environ.get('DFERCLIP_MM_TRACEBACK') == '1':
            raise
        # The disk of a log file may be full.
        with suppress(OSError):
            print('set DFERCLIP_MM_TRACEBACK=1 for the traceback', file=sys.stderr)
        raise SystemExit(f'error: {str(error) or repr(error)}') from error


def _is_of_another_process(error: Exception) -> bool:
    """Whether an error only says that another process no longer answers."""
    return isinstance(error, DistError) or (
        isinstance(error, RuntimeError) and _GLOO.search(str(error)) is not None
    )
