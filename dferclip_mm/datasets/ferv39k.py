"""FERV39k (Wang et al., CVPR 2022): 7 emotions in 22 scenes, one split."""

from __future__ import annotations

from mmaction.registry import DATASETS

from .corpus_dataset import CorpusDataset


@DATASETS.register_module()
class FERV39kDataset(CorpusDataset):
    """FERV39k's clips of all scenes; arguments and errors as `CorpusDataset`.

    The owner's list has lines of ``Scene/Word/id word``.
    """

    CORPUS = 'ferv39k'
    CLIP_FOLDERS = ('2_ClipsforFaceCrop', '0_7_LabelClips')

    def list_path(self, split: str, fold: int) -> str:
        """The one list of a split."""
        return f'4_setups/All_scenes/{split}_All.csv'
