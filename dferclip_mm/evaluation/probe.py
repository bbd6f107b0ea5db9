"""Linear probing: how well a linear model predicts labels or scores from frozen features."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .measures import RecallScores, recall_scores
from .regression import regression_scores


def probe_labels(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int,
    strength: float = 1.0,
) -> RecallScores:
    """Fit logistic regression on standardized training features, score it on the test features.

    Args:
        train: (N, D) features.
        train_labels: (N,) integers.
        test: (M, D) features.
        test_labels: (M,) integers.
        num_classes: C.
        strength: inverse of the regularization (scikit-learn's ``C``).
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
    predicted = model.fit(train, train_labels).predict(test)
    return recall_scores(test_labels, predicted, num_classes)


def probe_scores(
    train: np.ndarray,
    train_scores: np.ndarray,
    test: np.ndarray,
    test_scores: np.ndarray,
    strength: float = 1.0,
) -> dict[str, np.ndarray]:
    """Fit ridge regression on standardized training features, score it on the test features.

    Args:
        train: (N, D) features.
        train_scores: (N, K) for K targets.
        test: (M, D) features.
        test_scores: (M, K).
        strength: inverse of the regularization (scikit-learn's ``1 / alpha``).

    Returns:
        PCC, CCC, MAE and RMSE, each an array (K,).
    """
    model = make_pipeline(StandardScaler(), Ridge(alpha=1 / strength))
    predicted = model.fit(train, train_scores).predict(test)
    # scikit-learn drops the axis of a single target.
    return regression_scores(test_scores, predicted.reshape(test_scores.shape))
