"""Nobody may be trained on and evaluated on, where the datasets say who is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset

from ..lookup import build_without_pipeline, unwrap_datasets


def check_subjects(cfg: Config, datasets: Mapping[str, Any]) -> None:
    """Compare the subjects of the training clips with those of each evaluation.

    Args:
        cfg: of the run; its test dataset is built where the training clips have subjects.
        datasets: those of ``train_dataloader`` and, with validation, of ``val_dataloader``.

    Raises:
        ValueError: naming one that is on both sides.
    """
    trained = find_subjects([datasets['train_dataloader']])
    if not trained:
        return
    found = {key: [each] for key, each in datasets.items() if key != 'train_dataloader'}
    if cfg.get('test_dataloader') is not None:
        found['test_dataloader'] = build_without_pipeline(cfg, ['test'])
    for key, built in found.items():
        shared = sorted(trained & find_subjects(built))
        if shared:
            raise ValueError(
                f'{len(shared)} subjects are in train_dataloader and {key}, first {shared[0]!r}: '
                'divide all datasets of the run by the same list, columns, folds and seed, or '
                'leave the subject out of columns'
            )


def find_subjects(datasets: list[Any]) -> set[str]:
    """The subjects of the clips of datasets; those without the field have none."""
    leaves = [leaf for each in datasets for leaf in unwrap_datasets(each) if _has_subjects(leaf)]
    return {leaf.get_data_info(index)['subject'] for leaf in leaves for index in range(len(leaf))}


def _has_subjects(leaf: Any) -> bool:
    return isinstance(leaf, BaseDataset) and len(leaf) > 0 and 'subject' in leaf.get_data_info(0)
