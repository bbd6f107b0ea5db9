"""Losses for classes of unequal size and for votes in the place of labels."""

from .adjusted_cross_entropy import AdjustedCrossEntropy, adjusted_cross_entropy

__all__ = ['AdjustedCrossEntropy', 'adjusted_cross_entropy']
