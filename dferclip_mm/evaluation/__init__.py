"""Metrics, registered in ``mmaction.registry``."""

from .recall import RecallMetric, RecallScores, recall_scores

__all__ = ['RecallMetric', 'RecallScores', 'recall_scores']
