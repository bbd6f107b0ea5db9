"""MMEngine's wrappers of datasets, which its ``ClassBalancedDataset`` can balance."""

from __future__ import annotations

from typing import Any

from mmaction.registry import DATASETS
from mmengine.dataset import ConcatDataset as _ConcatDataset
from mmengine.dataset import RepeatDataset as _RepeatDataset


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """MMEngine's ``ConcatDataset``. The datasets need equal classes in one order."""

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of a clip; none without labels."""
        return _labels(self, idx)


@DATASETS.register_module()
class RepeatDataset(_RepeatDataset):
    """MMEngine's ``RepeatDataset``."""

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of a clip; none without labels."""
        return _labels(self, idx)


def _labels(dataset: Any, idx: int) -> list[int]:
    info = dataset.get_data_info(idx)
    return [info['label']] if 'label' in info else []
