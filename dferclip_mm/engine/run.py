"""What every program that starts a run shares: its arguments, its config, its runner."""

from __future__ import annotations

import argparse
import linecache
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner
from torch import distributed
from torch.distributed import DistError, is_initialized
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from .. import compat
from ..checkpoints.load import check_checkpoint, check_format, is_remote
from ..checkpoints.resume_point import POINTER, checkpoint_location, find_checkpoints
from .config_keys import require_known_keys
from .hooks.config_keys_hook import ConfigKeysHook
from .hooks.strict_load_hook import StrictLoadHook

_PACKAGE = Path(__file__).resolve().parent.parent
# What gloo says in each process of one that no longer answers: a place in its own source.
_GLOO = re.compile(r'gloo[/\\]transport[/\\]\w+[/\\]\w+\.cc:\d+')
# Hooks that a config of one's own may do without, and what they are for.
_GUARDS = {
    'AtomicCheckpointHook': 'atomic checkpoints',
    'PreemptionHook': 'saves when a scheduler ends the run',
    'ExactResumeHook': 'bitwise equal runs after --resume',
    'CheckInvalidLossHook': 'stops at NaN and infinity',
}


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
    """Train with automatic mixed precision: ``optim_wrapper.dtype``, or else the device's own.

    That is float16 with a scaled loss on a GPU and bfloat16 on the CPU. Bfloat16 has the range of
    float32, so its loss is not scaled.

    Raises:
        ValueError: when the config has an optimizer wrapper of its own, or asks for another type
            than bfloat16 on the CPU.
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
                f'--amp: optim_wrapper.dtype is {dtype} and no GPU is visible; the CPU trains in '
                'bfloat16 alone: set optim_wrapper.dtype=bfloat16'
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
    """Continue an interrupted run, or begin it when there is nothing to continue.

    Args:
        cfg: the run's config, its ``work_dir`` settled.
        source: a checkpoint, or ``'auto'`` for the latest one in ``work_dir``. Before the first
            checkpoint ``'auto'`` starts as the config says, with its ``load_from``. A process that
            torchrun started again goes on from what the run itself has written meanwhile.
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
    """Build the run, with several processes on the CPU too, and checkpoints loaded strictly.

    Args:
        cfg: what ``load_config`` returned; ``load_from`` may name a checkpoint.

    Raises:
        FileNotFoundError, ValueError: when ``load_from`` is no checkpoint, or keys are misspelt.
    """
    require_known_keys(cfg)
    source = cfg.get('load_from')
    if 'runner_type' in cfg:
        # That runner loads before hooks start.
        check_checkpoint(source)
    elif source is not None and not is_remote(source) and not Path(source).is_dir():
        # StrictLoadHook reads all of it, in one process, before it is loaded.
        check_format(source)
    compat.prepare_cpu_processes(cfg, cfg.launcher)
    compat.leave_fused_out_without_kernels(cfg)
    if 'runner_type' in cfg:
        from mmaction.registry import RUNNERS

        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    for kind in (ConfigKeysHook, StrictLoadHook):
        if not any(isinstance(hook, kind) for hook in runner.hooks):
            runner.register_hook(kind())
    present = {kind.__name__ for hook in runner.hooks for kind in type(hook).__mro__}
    lacking = [f'{name} ({what})' for name, what in _GUARDS.items() if name not in present]
    if lacking:
        runner.logger.info(
            f'this config leaves out: {", ".join(lacking)}; '
            'configs/_base_/default_runtime.py shows how to add them'
        )
    return runner


def set_local_rank(local_rank: int) -> None:
    """Tell MMEngine the process's place on its machine where the launcher has not done so."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))


def destroy_process_group() -> None:
    """End the group of processes after a run: left to the interpreter's end, gloo may abort."""
    if is_initialized():
        distributed.destroy_process_group()


@contextmanager
def friendly_errors() -> Iterator[None]:
    """End the program with the message alone when this package raised it on purpose.

    Everything else keeps its traceback. What torchrun prints at the end names the error of the
    process that failed first, not those of the others that it left alone.
    """
    try:
        yield
    except Exception as error:
        if not _is_of_another_process(error):
            # Into a file that torchrun reads; nothing happens without torchrun.
            get_error_handler().record_exception(error)
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = _PACKAGE in Path(last.filename).resolve().parents
        on_purpose = linecache.getline(last.filename, last.lineno or 0).lstrip().startswith('raise')
        if not (ours and on_purpose):
            raise
        raise SystemExit(f'error: {error.args[0] if error.args else error}') from error


def _is_of_another_process(error: Exception) -> bool:
    """Whether an error only says that another process no longer answers."""
    return isinstance(error, DistError) or (
        isinstance(error, RuntimeError) and _GLOO.search(str(error)) is not None
    )
