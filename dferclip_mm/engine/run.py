"""From a config to a run, and from an error to one line: what the programs in tools/ share."""

from __future__ import annotations

import copy
import functools
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmaction.registry import DATASETS, RUNNERS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import distributed
from torch.distributed import DistError, is_initialized
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from ..checkpoints.load import check_format, is_remote, read_weights
from .checks.config_keys import MMENGINE_HOOKS
from .console import ConsoleRunner
from .hooks.strict_load_hook import StrictLoadHook
from .lookup import dataset_configs, find_hook
from .remedies import prepare_cpu_processes, without_code_layout

# Gloo's error when another process no longer answers: it begins with a line of its own source.
_GLOO = re.compile(r'gloo[/\\]transport[/\\]\w+[/\\]\w+\.cc:\d+')
# As a shell says it of SIGINT.
_INTERRUPTED = 128 + signal.SIGINT
# Below an error.
_TRACEBACK = '(DFERCLIP_MM_TRACEBACK=1 shows the traceback)'
# Raised on purpose, with a message for the user.
_USER_ERRORS = (ValueError, OSError, FloatingPointError)


def find_data(cfg: Config, *splits: str) -> None:
    """Look for lists and clips of splits before the model is built, which may download weights."""
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    for settings in dataset_configs(cfg, splits):
        # A copy: some pipelines take from their settings.
        DATASETS.build(copy.deepcopy(settings))


def build_runner(cfg: Config) -> Runner:
    """Build a run with strict loading; a ``load_from`` that is no checkpoint is refused before."""
    source = cfg.get('load_from')
    if source is not None and not is_remote(source):
        cfg.load_from = str(Path(source).expanduser())
        # FlexibleRunner loads before hooks start. Otherwise StrictLoadHook reads all of it, once.
        verify = read_weights if 'runner_type' in cfg else check_format
        if not Path(cfg.load_from).is_dir():
            verify(cfg.load_from)
    _check_flexible_runner(cfg)
    dropped = _drop_hooks(cfg)
    prepare_cpu_processes(cfg, cfg.launcher)
    cfg = without_code_layout(cfg)
    precision = cfg.get('float32_matmul_precision')
    if precision is not None:
        if precision not in ('highest', 'high', 'medium'):
            raise ValueError(
                f'float32_matmul_precision={precision!r}: expected highest (float32), high (TF32) '
                'or medium (bfloat16)'
            )
        torch.set_float32_matmul_precision(precision)
    plain = cfg.get('runner_type', 'Runner') == 'Runner'
    runner = ConsoleRunner.from_cfg(cfg) if plain else RUNNERS.build(cfg)
    if 'strict_load' not in dropped and find_hook(runner, StrictLoadHook) is None:
        runner.register_hook(StrictLoadHook())
    return runner


def _check_flexible_runner(cfg: Config) -> None:
    loads = cfg.get('resume') or cfg.get('load_from')
    if not loads or cfg.get('runner_type') != 'FlexibleRunner':
        return
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    if any(hook is not None and hook.get('type') == 'EMAHook' for hook in hooks):
        raise ValueError(
            'EMAHook cannot load a checkpoint under runner_type=FlexibleRunner, which loads before '
            'the average exists: train with the default runner, or without EMAHook'
        )


def _drop_hooks(cfg: Config) -> set[str]:
    """Drop the hooks that are None, and return their names; MMEngine drops only its own."""
    hooks = cfg.get('default_hooks') or {}
    dropped = {name for name, hook in hooks.items() if hook is None}
    for name in dropped - MMENGINE_HOOKS:
        hooks.pop(name)
    return dropped


def destroy_process_group() -> None:
    """End the process group after a run: gloo may abort when the interpreter ends it."""
    if is_initialized():
        # A process that leaves while another still talks to it may abort, too.
        distributed.barrier()
        distributed.destroy_process_group()


@contextmanager
def friendly_errors() -> Iterator[None]:
    """End a program with one line instead of a traceback when its user has to change something.

    Ctrl-C ends it with one line and code 130. ``DFERCLIP_MM_TRACEBACK=1`` shows all tracebacks.
    torchrun reports the error of the process that failed first, not of those that waited for it.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, functools.partial(_interrupt, os.getpid()))
    try:
        yield
    except KeyboardInterrupt:
        # Below a progress bar.
        print('\ninterrupted: what was finished before is kept', file=sys.stderr)
        raise SystemExit(_INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of the output has left, and `run_program` ends in silence.
        raise
    except Exception as error:
        if not _is_of_another_process(error):
            # Into a file that torchrun reads; nothing happens without torchrun.
            get_error_handler().record_exception(error)
        if not _is_of_user(error) or os.environ.get('DFERCLIP_MM_TRACEBACK') == '1':
            raise
        raise SystemExit(f'error: {str(error) or repr(error)}\n{_TRACEBACK}') from error
    finally:
        signal.signal(signal.SIGINT, before)


def _is_of_user(error: Exception) -> bool:
    # MMEngine's, of a misspelt argument or type in a config.
    argument = isinstance(error, TypeError) and 'unexpected keyword argument' in str(error)
    kind = isinstance(error, KeyError) and 'registry. Please check' in str(error)
    return argument or kind or isinstance(error, _USER_ERRORS)


def _interrupt(owner: int, number: int, frame: object) -> None:
    # A terminal sends it to forked processes too, which end with the program.
    if os.getpid() == owner:
        raise KeyboardInterrupt


def _is_of_another_process(error: Exception) -> bool:
    """Whether an error only says that another process no longer answers."""
    return isinstance(error, DistError) or (
        isinstance(error, RuntimeError) and _GLOO.search(str(error)) is not None
    )
