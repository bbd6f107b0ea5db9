"""The options ``--data-root``, ``--fold`` and ``--batch-size`` of the programs in tools/.

Each replaces a ``--cfg-options`` entry for every dataloader and every dataset inside a wrapper.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config

from .lookup import unwrap_datasets

_SPLITS = ('train', 'val', 'test')


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
    """Set the root and the fold of every dataset of a config; None unwrap_datasets them unchanged.

    Raises:
        ValueError: when a dataset has no such setting, or the datasets have different roots.
    """
    datasets = list(_named_datasets(cfg))
    if data_root is not None:
        _check_one_root(datasets)
        for _, settings in datasets:
            settings['data_root'] = data_root
    if fold is not None:
        for place, settings in datasets:
            _check_fold_applies(place, settings)
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
    for split in _SPLITS:
        loader = cfg.get(f'{split}_dataloader')
        for settings in unwrap_datasets(loader.dataset) if loader else ():
            yield f'{split}_dataloader', settings


def _check_one_root(datasets: list[tuple[str, Any]]) -> None:
    roots = []
    for place, settings in datasets:
        if 'data_root' not in settings:
            raise ValueError(
                f'--data-root does not apply: {settings["type"]} of {place} has no data_root'
            )
        roots.append(settings['data_root'])
    if len(set(roots)) > 1:
        different = ', '.join(dict.fromkeys(roots))
        raise ValueError(
            f'--data-root does not apply: the datasets have different roots ({different}); '
            'set each with --cfg-options'
        )


def _check_fold_applies(place: str, settings: Any) -> None:
    kind = DATASETS.get(settings['type'])
    folds = getattr(kind, 'FOLDS', None)
    if folds is None:
        folds = 2 if kind and 'fold' in inspect.signature(kind).parameters else 1
    if folds == 1:
        raise ValueError(f'--fold does not apply: {settings["type"]} of {place} has no folds')
    if settings.get('ann_file'):
        raise ValueError(
            f'--fold does not apply: {place} reads the list {settings["ann_file"]!r}; '
            'choose another list with ann_file'
        )
