"""The options of the programs in tools/, and what each sets in a config."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config, DictAction
from mmengine.device import get_device

from ..checkpoints.resume_point import POINTER, checkpoint_location, find_checkpoints
from .lookup import unwrap_datasets


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


def add_data_root_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-root``."""
    parser.add_argument('--data-root', metavar='DIR', help='data_root of every dataset')


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-root`` and ``--fold``."""
    add_data_root_option(parser)
    parser.add_argument('--fold', type=int, metavar='N', help='fold of every dataset, from 1')


def add_batch_size_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--batch-size``."""
    parser.add_argument(
        '--batch-size',
        type=int,
        metavar='N',
        help='clips per process in one step, as batch_size in the config; with several GPUs a step '
        'has N clips on each',
    )


def merge_data_options(cfg: Config, data_root: str | None = None, fold: int | None = None) -> None:
    """Set the root and the fold of every dataset of a config; None changes nothing.

    Raises:
        ValueError: when a dataset has no such setting, or the datasets have different roots.
    """
    datasets = list(_named_datasets(cfg))
    if data_root is not None:
        _check_one_root(datasets)
        for _, settings in datasets:
            settings['data_root'] = data_root
    if fold is not None:
        for loader, settings in datasets:
            _check_fold_applies(loader, settings)
            settings['fold'] = fold


def merge_batch_size(cfg: Config, split: str, batch_size: int | None) -> None:
    """Set the clips per process of one dataloader: ``split`` is train, val or test.

    Raises:
        ValueError: when the config has no such dataloader, or it takes a ``batch_sampler``.
    """
    if batch_size is None:
        return
    loader = cfg.get(f'{split}_dataloader')
    if batch_size < 1:
        raise ValueError(f'--batch-size: expected 1 or more, found {batch_size}')
    if loader is None or loader.get('batch_sampler') is not None:
        reason = 'is None' if loader is None else 'takes its batches from a batch_sampler'
        raise ValueError(f'--batch-size does not apply: {split}_dataloader {reason}')
    loader['batch_size'] = batch_size


def _named_datasets(cfg: Config) -> Iterator[tuple[str, Any]]:
    """The settings of each dataset that reads clips, with the name of its dataloader."""
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        for settings in unwrap_datasets(loader.dataset) if loader else ():
            yield f'{split}_dataloader', settings


def _check_one_root(datasets: list[tuple[str, Any]]) -> None:
    roots = []
    for loader, settings in datasets:
        if 'data_root' not in settings:
            raise ValueError(
                f'--data-root does not apply: {settings["type"]} of {loader} has no data_root'
            )
        roots.append(settings['data_root'])
    if len(set(roots)) > 1:
        different = ', '.join(dict.fromkeys(roots))
        raise ValueError(
            f'--data-root does not apply: the datasets have different roots ({different}); '
            'set each with --cfg-options'
        )


def _check_fold_applies(loader: str, settings: Any) -> None:
    kind = DATASETS.get(settings['type'])
    folds = getattr(kind, 'FOLDS', None)
    if folds is None:
        folds = 2 if kind and 'fold' in inspect.signature(kind).parameters else 1
    if folds == 1:
        raise ValueError(f'--fold does not apply: {settings["type"]} of {loader} has no folds')
    if settings.get('ann_file'):
        raise ValueError(
            f'--fold does not apply: {loader} reads the list {settings["ann_file"]!r}; '
            'choose another list with ann_file'
        )


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
