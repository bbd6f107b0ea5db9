"""DFEW (Jiang et al., ACM MM 2020): 7 emotions, 5 folds."""

from __future__ import annotations

from mmaction.registry import DATASETS

from ..emotions import CORPUS_CLASSES
from .corpus_dataset import CorpusDataset
from .lists import Rows, parse_dfew_csv


@DATASETS.register_module()
class DFEWDataset(CorpusDataset):
    """DFEW's single-labelled clips; arguments and errors as `CorpusDataset`."""

    METAINFO = dict(corpus='dfew', classes=CORPUS_CLASSES['dfew'])
    FOLDS = 5
    CLIP_FOLDERS = ('Clip/clip_224x224', 'Clip/original')

    def list_path(self, split: str, fold: int) -> str:
        """The one CSV of a split and fold."""
        return f'EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv'

    def parse_list(self, text: str, file: str) -> Rows:
        """``video_name,label`` with labels from 1."""
        return parse_dfew_csv(text, file, CORPUS_CLASSES['dfew'])
