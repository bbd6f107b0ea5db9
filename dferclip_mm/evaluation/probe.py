"""Linear probing: how much of a label or score a linear model reads off features."""

from __future__ import annotations

from typing import Any

import numpy as np

from .recall import RecallScores, recall_scores
from .regression import regression_scores


def probe_labels(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int,
    strength: float = 1.0,
) -> RecallScores:
    """Fit logistic regression on standardised features and score it.

    Args:
        train: (N, D) features.
        train_labels: (N,).
        test: (M, D) features.
        test_labels: (M,).
        num_classes: C.
        strength: scikit-learn's ``C``, the inverse of the regularisation.

    Raises:
        ImportError: when scikit-learn is not installed.
    """
    _require_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    model = _standardised(LogisticRegression(C=strength, max_iter=5000))
    predicted = model.fit(train, train_labels).predict(test)
    return recall_scores(test_labels, predicted, num_classes)


def probe_scores(
    train: np.ndarray,
    train_scores: np.ndarray,
    test: np.ndarray,
    test_scores: np.ndarray,
    strength: float = 1.0,
) -> dict[str, np.ndarray]:
    """Fit ridge regression on standardised features and score it.

    Args:
        train: (N, D) features.
        train_scores: (N, K).
        test: (M, D) features.
        test_scores: (M, K).
        strength: the inverse of the regularisation.

    Returns:
        PCC, CCC, MAE and RMSE of each target, arrays (K,).

    Raises:
        ImportError: when scikit-learn is not installed.
    """
    _require_scikit_learn()
    from sklearn.linear_model import Ridge

    model = _standardised(Ridge(alpha=1 / strength))
    predicted = model.fit(train, train_scores).predict(test)
    # A single target loses its axis.
    return regression_scores(test_scores, predicted.reshape(test_scores.shape))


def _standardised(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _require_scikit_learn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'linear probing needs scikit-learn: run `pip install "dferclip_mm[probe]"`'
        ) from error
