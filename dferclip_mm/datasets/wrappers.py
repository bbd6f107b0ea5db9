"""Several datasets as one."""

from __future__ import annotations

from mmaction.registry import DATASETS
from mmengine.dataset import ConcatDataset as _ConcatDataset


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """MMEngine's ``ConcatDataset``, which ``ClassBalancedDataset`` can balance.

    The datasets need equal classes in one order.
    """

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of a clip; none without labels."""
        info = self.get_data_info(idx)
        return [info['label']] if 'label' in info else []
