"""Metrics and what is made of their results: UAR, WAR, PCC, CCC, intervals, linear probes, plots.

Open this room to add a metric or a figure. Each metric is a function on arrays first, and an
MMEngine class in ``mmaction.registry`` second.
"""

from .confusion_hook import ConfusionPictureHook
from .recall import RecallMetric
from .regression import RegressionMetric, regression_scores

__all__ = ['ConfusionPictureHook', 'RecallMetric', 'RegressionMetric', 'regression_scores']
