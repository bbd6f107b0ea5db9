"""DFEW (Jiang et al., ACM MM 2020): 7 emotions, 5 folds."""

from __future__ import annotations

from mmaction.registry import DATASETS

from .corpus_dataset import CorpusDataset
from .lists import Row, pad_number, parse_dfew_csv


@DATASETS.register_module()
class DFEWDataset(CorpusDataset):
    """DFEW's single-labelled clips; arguments and errors as `CorpusDataset`.

    The owner's list is a CSV, ``video_name,label`` with labels from 1. Of the owner's faces those
    with all frames are taken before those of 16 interpolated frames (``clip_224x224_16f``).
    """

    CORPUS = 'dfew'
    FOLDS = 5
    CLIP_FOLDERS = ('Clip/clip_224x224', 'Clip/clip_224x224_16f', 'Clip/original')
    LIST_FORM = (parse_dfew_csv, 1)

    def list_path(self, split: str, fold: int) -> str:
        """The one CSV of a split and fold."""
        return f'EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv'

    def locate(self, row: Row) -> str | None:
        """The path of a row's clip; a bare number may be padded there."""
        return super().locate(row) or self.finder.find(pad_number(row.clip))
