"""MMEngine's wrappers of datasets, which its ``ClassBalancedDataset`` can balance."""

from __future__ import annotations

from typing import Any

from mmaction.registry import DATASETS
from mmengine.dataset import ConcatDataset as _ConcatDataset
from mmengine.dataset import RepeatDataset as _RepeatDataset


def _labels(self: Any, idx: int) -> list[int]:
    """The label of a clip; none without labels."""
    info = self.get_data_info(idx)
    return [info['label']] if 'label' in info else []


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """MMEngine's ``ConcatDataset``. The datasets need equal classes in one order."""

    get_cat_ids = _labels


@DATASETS.register_module()
class RepeatDataset(_RepeatDataset):
    """MMEngine's ``RepeatDataset``."""

    get_cat_ids = _labels
