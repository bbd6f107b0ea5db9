"""The data sets inside a run's data sets: the host's wrappers repeat, join and balance others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config

_PARTS = ('train', 'val', 'test')


def leaves(dataset: Any) -> Iterator[Any]:
    """The data sets that read clips, inside any wrappers; of built ones, or of their settings."""
    inner = [getattr(dataset, 'dataset', None), *(getattr(dataset, 'datasets', None) or ())]
    inside = [each for each in inner if each is not None]
    if not inside:
        yield dataset
    for each in inside:
        yield from leaves(each)


def settings_of(cfg: Config) -> list[Any]:
    """The settings of all data sets of a config that read clips, each split's in turn."""
    loaders = [cfg.get(f'{part}_dataloader') for part in _PARTS]
    return [each for loader in loaders if loader for each in leaves(loader.dataset)]


def build_bare(cfg: Config) -> list[Any]:
    """Those data sets without their pipelines: train and test of one fold are all clips."""
    return [DATASETS.build({**each, 'pipeline': []}) for each in settings_of(cfg)]
