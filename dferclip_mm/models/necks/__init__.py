"""Necks: features of frames to one feature per clip."""

from .temporal_transformer import TemporalTransformer

__all__ = ['TemporalTransformer']
