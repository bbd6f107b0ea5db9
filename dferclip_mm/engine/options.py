"""What the options of the programs in tools/ set in a config.

An option that cannot apply is refused with a ValueError.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.device import get_device

from ..checkpoints.resume_point import POINTER, checkpoint_location, find_checkpoints
from .cfg_options import parse_options
from .checks.arguments import check_arguments
from .checks.config_keys import check_config_keys
from .checks.lost_settings import check_options
from .lookup import count_folds, dataset_configs


def load_config(
    path: str | Path,
    options: Sequence[str] | Mapping[str, Any] = (),
    *,
    data_root: str | None = None,
    fold: int | None = None,
    work_dir: str | None = None,
    launcher: str = 'none',
) -> Config:
    """Read a config, override it, and set the folder that the run writes to.

    Args:
        path: the config file.
        options: ``key=value`` as typed after ``--cfg-options``, or a dict of dotted keys.
        data_root, fold: of every dataset; None changes nothing.
        work_dir: overrides the config's own; without either, ``work_dirs/<config's name>``.
        launcher: none, pytorch (torchrun), slurm or mpi.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a key or an argument is misspelt, or an option would change nothing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no config file at {path} (working directory {Path.cwd()})')
    if Path(path).suffix not in ('.py', '.json', '.yaml', '.yml'):
        raise ValueError(f'expected a config file (.py), found {path}: CONFIG is before CHECKPOINT')
    try:
        cfg = Config.fromfile(str(path))
    except TypeError as error:
        # A table in place of a value of the base.
        raise ValueError(f'{path}: {error}') from error
    merge_options(cfg, options)
    merge_data_options(cfg, data_root, fold)
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(path).stem)
    cfg.launcher = launcher
    return cfg


def merge_options(cfg: Config, options: Sequence[str] | Mapping[str, Any]) -> None:
    """Override settings of a config, and check all its keys and arguments; see `load_config`."""
    given = dict(options) if isinstance(options, Mapping) else parse_options(options)
    check_options(cfg, given)
    try:
        cfg.merge_from_dict(given)
    except (KeyError, TypeError, IndexError) as error:
        # Below a list: no such position, or a position that is no number.
        raise ValueError(f'--cfg-options: {error}') from error
    check_config_keys(cfg)
    check_arguments(cfg)


def merge_data_options(cfg: Config, data_root: str | None = None, fold: int | None = None) -> None:
    """Set the root and the fold of every dataset of a config; None changes nothing."""
    datasets = dataset_configs(cfg)
    roots = {settings.get('data_root'): settings.type for settings in datasets}
    for settings in datasets if data_root is not None else ():
        if None in roots:
            raise ValueError(f'--data-root does not apply: {roots[None]} has no data_root')
        if len(roots) > 1:
            raise ValueError(
                '--data-root does not apply: the datasets have different roots '
                f'({", ".join(roots)}); set each with --cfg-options'
            )
        settings.data_root = data_root
    for settings in datasets if fold is not None else ():
        kind = DATASETS.get(settings.type)
        if count_folds(settings) == 1:
            raise ValueError(f'--fold does not apply: {settings.type} has no folds')
        if getattr(kind, 'FOLDS', 1) > 1 and settings.get('ann_file'):
            raise ValueError(
                f'--fold does not apply: {settings.type} reads the list {settings.ann_file!r}; '
                'choose another list with ann_file'
            )
        settings.fold = fold


def merge_batch_size(cfg: Config, split: str, batch_size: int | None) -> None:
    """Set the clips per process of one dataloader: ``split`` is train, val or test."""
    if batch_size is None:
        return
    loader = cfg.get(f'{split}_dataloader')
    if batch_size < 1:
        raise ValueError(f'--batch-size: expected 1 or more, found {batch_size}')
    if loader is None or loader.get('batch_sampler') is not None:
        reason = 'is None' if loader is None else 'takes its batches from a batch_sampler'
        raise ValueError(f'--batch-size does not apply: {split}_dataloader {reason}')
    loader['batch_size'] = batch_size


def enable_amp(cfg: Config) -> None:
    """Train with automatic mixed precision, in ``optim_wrapper.dtype``.

    The default is float16 with a scaled loss on a GPU, and bfloat16 on the CPU. Bfloat16 has the
    range of float32, so its loss is not scaled.
    """
    settings = cfg.optim_wrapper
    wrapper = settings.get('type', 'OptimWrapper')
    if wrapper not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError(
            f'--amp replaces OptimWrapper, but optim_wrapper.type is {wrapper}: leave --amp out'
        )
    dtype = settings.get('dtype') or ('bfloat16' if get_device() == 'cpu' else 'float16')
    if get_device() == 'cpu' and dtype != 'bfloat16':
        raise ValueError(
            f'--amp: optim_wrapper.dtype is {dtype} and no GPU is visible; the CPU trains only in '
            'bfloat16: set optim_wrapper.dtype=bfloat16'
        )
    scale = dict(enabled=False) if dtype == 'bfloat16' else 'dynamic'
    settings.update(type='AmpOptimWrapper', dtype=dtype)
    settings.setdefault('loss_scale', scale)


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
