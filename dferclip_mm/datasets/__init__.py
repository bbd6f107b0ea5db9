"""The corpora: one file each, from list files to labelled clips.

Open this door to add a dataset.
"""

from .afew import AFEWDataset
from .clip_list import ClipListDataset
from .corpus_dataset import CorpusDataset
from .dfew import DFEWDataset
from .ferv39k import FERV39kDataset
from .mafw import MAFWDataset
from .wrappers import ConcatDataset, RepeatDataset

__all__ = [
    'AFEWDataset',
    'ClipListDataset',
    'ConcatDataset',
    'CorpusDataset',
    'DFEWDataset',
    'FERV39kDataset',
    'MAFWDataset',
    'RepeatDataset',
]
