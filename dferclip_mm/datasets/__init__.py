"""The corpora, and the transforms that turn their clips into pixels."""

from . import transforms
from .afew import AFEWDataset
from .base import ClipDataset
from .dfew import DFEWDataset
from .ferv39k import FERV39kDataset
from .mafw import MAFWDataset
from .scores import ClipScoresDataset

__all__ = [
    'AFEWDataset',
    'ClipDataset',
    'ClipScoresDataset',
    'DFEWDataset',
    'FERV39kDataset',
    'MAFWDataset',
    'transforms',
]
