"""Find things inside a run: a hook by its class, the datasets inside MMEngine's wrappers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope

SPLITS = ('train', 'val', 'test')
HookType = TypeVar('HookType', bound=Hook)


def find_hook(runner: Any, kind: type[HookType]) -> HookType | None:
    """The first hook of a run that is an instance of a class."""
    return next((hook for hook in runner.hooks if isinstance(hook, kind)), None)


def unwrap_datasets(dataset: Any) -> Iterator[Any]:
    """The datasets that read clips, inside wrappers of others; built, or as configs."""
    inner = getattr(dataset, 'dataset', None)
    joined = [inner] if inner is not None else getattr(dataset, 'datasets', None)
    if not joined:
        yield dataset
    for each in joined or ():
        yield from unwrap_datasets(each)


def dataset_configs(cfg: Config, splits: Iterable[str] = SPLITS) -> list[Any]:
    """The configs of all datasets that read clips, by default of all splits in turn."""
    loaders = [cfg.get(f'{split}_dataloader') for split in splits]
    return [each for loader in loaders if loader for each in unwrap_datasets(loader.dataset)]


def find_test_dataset(cfg: Config) -> Any:
    """The config of the dataset for testing, whose pipeline says what the model sees of a clip.

    Raises:
        ValueError: when there is none.
    """
    found = dataset_configs(cfg, ['test'])
    if not found:
        raise ValueError(
            'expected a test_dataloader, whose pipeline says what the model sees of a clip, found '
            'none in the config'
        )
    return found[0]


def list_metrics(evaluator: Any) -> list[Any]:
    """The configs of an evaluator's metrics: it may be a list of them, one, or none.

    MMEngine's ``dict(type='Evaluator', metrics=…)`` is one, too.
    """
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    if isinstance(evaluator, list | tuple):
        return [*evaluator]
    return [evaluator] if evaluator else []


def count_folds(settings: Any) -> int | None:
    """How many folds a dataset has, by its config; None where any number is one."""
    kind = DATASETS.get(settings['type'])
    if hasattr(kind, 'count_folds'):
        return kind.count_folds(settings)
    own = 'fold' in inspect.signature(kind).parameters
    return getattr(kind, 'FOLDS', None if own else 1)


def build_without_pipeline(cfg: Config, splits: Iterable[str] = SPLITS) -> list[Any]:
    """Those datasets, built without pipelines: train and test of one fold are all clips.

    Registries look in the config's scope from then on, as in its run.
    """
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    return [DATASETS.build({**each, 'pipeline': []}) for each in dataset_configs(cfg, splits)]
