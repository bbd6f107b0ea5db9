from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from dferclip_mm.evaluation import confidence
from dferclip_mm.evaluation.calibration import expected_calibration_error


def drawn(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too large by a factor, and labels drawn from the right ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, 4)) * 2
    chances = softmax(logits, axis=1).cumsum(axis=1)
    labels = (rng.random((count, 1)) > chances).sum(axis=1)
    return logits * temperature, labels


@pytest.mark.parametrize('temperature', [0.4, 1.0, 3.0])
def test_the_temperature_is_the_factor_of_the_logits(temperature: float) -> None:
    logits, labels = drawn(4000, temperature)
    found = confidence.fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.08)
    others, truth = drawn(2000, temperature, seed=1)
    errors = [expected_calibration_error(softmax(others / t, axis=1), truth) for t in (1, found)]
    assert errors[1] < 0.04
    assert temperature == 1 or errors[1] < errors[0]


def test_clips_of_one_class_and_perfect_answers_have_no_temperature() -> None:
    with pytest.raises(ValueError, match=r'fits 3 clips of 1 classes'):
        confidence.fit_temperature(np.eye(3), np.zeros(3, int))
    with pytest.raises(ValueError, match='3 clips of 3 classes, of which 100% are right'):
        confidence.fit_temperature(np.eye(3), np.arange(3))
    with pytest.raises(ValueError, match='3 clips of 3 classes, of which 0% are right'):
        confidence.fit_temperature(np.eye(3), np.array([1, 2, 0]))


# The surest first: right, wrong, right, wrong.
SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
LABELS = np.array([0, 0, 1, 1])


def test_risk_is_the_error_among_the_surest_clips() -> None:
    order = [2, 0, 3, 1]
    coverage, risk = confidence.risk_coverage(SCORES[order], LABELS[order])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(risk, [0, 1 / 2, 1 / 3, 1 / 2])
    found = confidence.area_under_risk_coverage(SCORES, LABELS)
    assert found == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_a_threshold_keeps_as_many_answers_as_the_error_rate_allows() -> None:
    assert confidence.find_threshold(SCORES, LABELS, 0.2) == 0.9
    assert confidence.find_threshold(SCORES, LABELS, 0.4) == 0.7
    assert confidence.find_threshold(SCORES, LABELS, 0.5) == 0
    # Equal confidences are answered together: two of three are wrong.
    equal = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    with pytest.raises(ValueError, match='67% of the surest answers are wrong'):
        confidence.find_threshold(equal, np.array([0, 1, 1, 0]), 0.4)


def test_intervals_cover_the_measure_and_shrink_with_more_clips() -> None:
    widths = []
    for count in (50, 2000):
        logits, labels = drawn(count, 3.0)
        scores = softmax(logits, axis=1)
        low, high = confidence.interval(confidence.area_under_risk_coverage, scores, labels)
        assert low < confidence.area_under_risk_coverage(scores, labels) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 3
