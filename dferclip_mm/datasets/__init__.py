"""The corpora, and the transforms that turn their clips into pixels."""

from . import transforms
from .afew import AFEWDataset
from .base import ClipDataset
from .dfew import DFEWDataset
from .ferv39k import FERV39kDataset
from .mafw import MAFWDataset

__all__ = [
    'AFEWDataset',
    'ClipDataset',
    'DFEWDataset',
    'FERV39kDataset',
    'MAFWDataset',
    'transforms',
]
