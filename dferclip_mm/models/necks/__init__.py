"""Necks: features of frames to one feature per clip."""

from .temporal_transformer import TemporalTransformer
from .to_sequence import to_sequence

__all__ = ['TemporalTransformer', 'to_sequence']
