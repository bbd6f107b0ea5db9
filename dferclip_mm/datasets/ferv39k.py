"""FERV39k (Wang et al., CVPR 2022): 7 emotions in 22 scenes, one split."""

from __future__ import annotations

from mmaction.registry import DATASETS

from ..emotions import CORPUS_CLASSES
from .corpus_dataset import CorpusDataset
from .lists import Rows, parse_ferv39k_list


@DATASETS.register_module()
class FERV39kDataset(CorpusDataset):
    """FERV39k's clips of all scenes; arguments and errors as `CorpusDataset`."""

    METAINFO = dict(corpus='ferv39k', classes=CORPUS_CLASSES['ferv39k'])
    CLIP_FOLDERS = ('2_ClipsforFaceCrop', '0_7_LabelClips')

    def list_path(self, split: str, fold: int) -> str:
        """The one list of a split."""
        return f'4_setups/All_scenes/{split}_All.csv'

    def parse_list(self, text: str, file: str) -> Rows:
        """``Scene/Word/id word``."""
        return parse_ferv39k_list(text, file, CORPUS_CLASSES['ferv39k'])
