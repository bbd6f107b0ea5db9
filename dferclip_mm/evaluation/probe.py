"""Linear probing: how well a linear model predicts labels or scores from frozen features.

Both fit training features (N, D) after standardisation, and predict for test features (M, D);
`strength` is the inverse of the regularisation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .regression import regression_scores


def probe_labels(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, strength: float = 1.0
) -> np.ndarray:
    """The labels (M,) that logistic regression predicts, fitted to labels (N,)."""
    return _fit(LogisticRegression(C=strength, max_iter=5000), train, labels).predict(test)


def probe_scores(
    train: np.ndarray,
    scores: np.ndarray,
    test: np.ndarray,
    test_scores: np.ndarray,
    strength: float = 1.0,
) -> dict[str, np.ndarray]:
    """PCC, CCC, MAE and RMSE (K,) of ridge regression to K targets, fitted to scores (N, K)."""
    predicted = _fit(Ridge(alpha=1 / strength), train, scores).predict(test)
    # scikit-learn drops the axis of a single target.
    return regression_scores(test_scores, predicted.reshape(test_scores.shape))


def _fit(model: Any, features: np.ndarray, truth: np.ndarray) -> Any:
    return make_pipeline(StandardScaler(), model).fit(features, truth)
