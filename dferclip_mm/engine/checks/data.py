"""Labels, class names, subjects and numbers of frames must fit the model, metrics and splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from ..lookup import build_without_pipeline, unwrap_datasets
from .classes import names_of

# Where a model's config says how many frames one view has.
_FRAMES = (
    'num_frames',
    *(f'backbone.{name}' for name in ('num_frames', 'num_segments', 't_size')),
    'cls_head.num_segments',
)


def check_labels(dataset: Any, head: Any, key: str) -> None:
    """Refuse labels outside the classes of the head; clips without a label are skipped."""
    classes = getattr(head, 'classes', None) or ()
    count = len(classes) or getattr(head, 'num_classes', None)
    if count is None or getattr(head, 'targets', None) is not None:
        return
    for leaf in unwrap_datasets(dataset):
        for index in range(len(leaf)) if isinstance(leaf, BaseDataset) else ():
            # Not MMAction2's method, which makes a vector of several labels and fails at a bad one.
            item = BaseDataset.get_data_info(leaf, index)
            label = item.get('label')
            outside = [] if label is None else [n for n in np.ravel(label) if not 0 <= n < count]
            if outside:
                clip = item.get('filename') or item.get('frame_dir') or f'number {index}'
                names = f' ({", ".join(classes or names_of(leaf))})'.replace(' ()', '')
                raise ValueError(
                    f'{key}: {type(leaf).__name__} has the label {outside[0]} for the clip {clip}, '
                    f'but model.cls_head has {count} classes{names}, numbered from 0 to '
                    f'{count - 1}: correct {leaf.ann_file or "the list"} or the classes'
                )


def check_subjects(cfg: Config, datasets: Mapping[str, Any]) -> None:
    """Refuse subjects that are both trained and evaluated on, where the datasets name them.

    Args:
        cfg: of the run; its test dataset is built where the training clips have subjects.
        datasets: those of ``train_dataloader`` and, with validation, of ``val_dataloader``.
    """
    evaluated = {**datasets}
    trained = _find_subjects(evaluated.pop('train_dataloader'))
    if trained and cfg.get('test_dataloader') is not None:
        joined = SimpleNamespace(datasets=build_without_pipeline(cfg, ['test']))
        evaluated['test_dataloader'] = joined
    for key, dataset in evaluated.items():
        shared = sorted(trained & _find_subjects(dataset)) if trained else []
        if shared:
            raise ValueError(
                f'{len(shared)} subjects are in train_dataloader and {key}, first {shared[0]!r}: '
                'divide all datasets of the run by the same list, columns, folds and seed, or '
                'leave the subject out of columns'
            )


def _find_subjects(dataset: Any) -> set[str]:
    """The subjects of a dataset's clips; empty where the first has no such field."""
    subjects = set()
    for leaf in unwrap_datasets(dataset):
        for index in range(len(leaf)) if isinstance(leaf, BaseDataset) else ():
            info = leaf.get_data_info(index)
            if 'subject' not in info:
                break
            subjects.add(info['subject'])
    return subjects


def check_metric_names(metrics: Iterable[Any], key: str) -> None:
    """Refuse metrics that find no names of classes or targets, or others than the data have.

    They are built, and told the data's names by ``dataset_meta``. Those of MMAction2 need none.
    """
    for metric in metrics:
        if hasattr(metric, 'find_names'):
            try:
                metric.find_names(None)
            except ValueError as error:
                raise ValueError(f'{key}: {error}') from error


def check_frames(dataset: Any, model: Mapping[str, Any], key: str) -> None:
    """Compare the frames that a pipeline samples with those of one view of a recognizer's config.

    A pipeline tells several views by its sampler: ``clip_len`` (or ``num_frames``) frames in each,
    ``num_clips`` views. MMAction2's image pipelines have views of ``num_clips`` single frames.
    """
    owner, expected = _model_frames(model)
    for leaf in unwrap_datasets(dataset) if expected is not None else ():
        for step in getattr(getattr(leaf, 'pipeline', None), 'transforms', ()):
            found = _sampled_frames(step)
            if found and expected not in found:
                raise ValueError(
                    f'{type(step).__name__} in the pipeline of {key} gives {found[-1]} frames, but '
                    f'{owner} is {expected}: give both the same number (several views of '
                    f'{expected} frames are clip_len={expected} with num_clips in SampleFrames)'
                )


def _model_frames(model: Mapping[str, Any]) -> tuple[str, int | None]:
    """The setting of the frames of one view, and its value; None where any number works."""
    for key in _FRAMES:
        component, _, name = key.rpartition('.')
        found = (model.get(component) or {} if component else model).get(name)
        if isinstance(found, int):
            return f'model.{key}', found
    return '', None


def _sampled_frames(step: Any) -> list[int]:
    """The numbers of frames that a sampler of a pipeline may mean by one view; the last is all."""
    if isinstance(clip_len := getattr(step, 'clip_len', None), int):
        return [clip_len, clip_len * getattr(step, 'num_clips', 1)]
    frames = getattr(step, 'num_frames', None)
    return [frames] if isinstance(frames, int) else []
