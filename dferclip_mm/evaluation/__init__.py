"""Metrics, registered in ``mmaction.registry``."""

from .recall import RecallMetric, RecallScores, recall_scores
from .regression import RegressionMetric, regression_scores

__all__ = [
    'RecallMetric',
    'RecallScores',
    'RegressionMetric',
    'recall_scores',
    'regression_scores',
]
