from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torchmetrics.functional.classification import multiclass_calibration_error

from dferclip_mm.evaluation import calibration
from dferclip_mm.evaluation.bootstrap import interval
from dferclip_mm.evaluation.calibration import calibration_error, reliability
from dferclip_mm.evaluation.plots import reliability_figure


def ece(*given: Any) -> float:
    return calibration_error(reliability(*given))


def aurc(*given: Any) -> float:
    return calibration.risk_coverage(*given)[1].mean()


@pytest.mark.parametrize(('clips', 'classes', 'bins'), [(1, 2, 15), (50, 7, 15), (900, 11, 10)])
def test_the_calibration_error_equals_that_of_torchmetrics(
    clips: int, classes: int, bins: int
) -> None:
    rng = np.random.default_rng(clips)
    scores = rng.dirichlet(np.full(classes, 0.3), clips)
    labels = rng.integers(0, classes, clips)
    expected = multiclass_calibration_error(
        torch.tensor(scores), torch.tensor(labels), num_classes=classes, n_bins=bins, norm='l1'
    )
    assert ece(scores, labels, bins) == pytest.approx(float(expected))


def test_a_bin_compares_mean_confidence_with_accuracy() -> None:
    # The upper edge belongs to a bin, and full confidence to the last.
    scores = np.array([[0.5, 0.5], [0.8, 0.2], [0.4, 0.6], [0.0, 1.0]])
    found = reliability(scores, np.array([1, 0, 1, 1]), bins=2)
    assert found.clips.tolist() == [1, 3]
    assert found.confidence.tolist() == pytest.approx([0.5, 0.8])
    assert found.accuracy.tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize('scores', [[[3.0, -1.0]], [[0.4, 0.4]], [[2.0, 1.0]]])
def test_logits_are_refused(scores: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"found the scores .* of clip 0: set the head's average"):
        reliability(np.array(scores), np.array([0]))


def test_the_reliability_figure_shows_each_curve_with_its_error() -> None:
    found = reliability(np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([0, 1]), bins=5)
    upper, lower = reliability_figure({'before': found}).axes
    assert upper.lines[1].get_ydata().tolist() == [0.0, 1.0]
    assert [text.get_text() for text in upper.get_legend().get_texts()] == [
        'calibrated',
        'before: ECE 0.400',
    ]
    assert lower.patches[0].get_data().values.tolist() == [0, 0, 0, 50, 50]


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
    found = calibration.fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.08)
    others, truth = drawn(2000, temperature, seed=1)
    errors = [ece(softmax(others / t, axis=1), truth) for t in (1, found)]
    assert errors[1] < 0.04
    assert temperature == 1 or errors[1] < errors[0]


@pytest.mark.parametrize(
    ('labels', 'found'),
    [
        ([0, 0, 0], '3 clips of 1 classes, of which 1 are'),
        ([0, 1, 2], '3 clips of 3 classes, of which 3 are'),
        ([1, 2, 0], '3 clips of 3 classes, of which 0 are'),
        ([], '0 clips of 0 classes, of which 0 are'),
    ],
)
def test_clips_that_have_no_best_temperature_are_refused(labels: list[int], found: str) -> None:
    with pytest.raises(ValueError, match=f'no temperature fits {found} answered right'):
        calibration.fit_temperature(np.eye(3)[: len(labels)], np.array(labels, int))


# The surest first: right, wrong, right, wrong.
SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
LABELS = np.array([0, 0, 1, 1])


def test_risk_is_the_error_among_the_surest_clips() -> None:
    order = [2, 0, 3, 1]
    coverage, risk = calibration.risk_coverage(SCORES[order], LABELS[order])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(risk, [0, 1 / 2, 1 / 3, 1 / 2])


def test_a_threshold_keeps_as_many_answers_as_the_error_rate_allows() -> None:
    assert calibration.find_threshold(SCORES, LABELS, 0.2) == 0.9
    assert calibration.find_threshold(SCORES, LABELS, 0.4) == 0.7
    assert calibration.find_threshold(SCORES, LABELS, 0.5) == 0
    assert calibration.select_answers(SCORES, LABELS, 0.7) == pytest.approx((0.75, 1 / 3))
    assert np.isnan(calibration.select_answers(SCORES, LABELS, 0.99)[1])
    # Equal scores are answered together: two of three are wrong.
    equal = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    with pytest.raises(
        ValueError,
        match=r'no threshold gives an error rate of 0\.4: 67% of the surest answers are wrong',
    ):
        calibration.find_threshold(equal, np.array([0, 1, 1, 0]), 0.4)


def test_intervals_cover_the_measure_and_shrink_with_more_clips() -> None:
    widths = []
    for count in (50, 800):
        logits, labels = drawn(count, 3.0)
        scores = softmax(logits, axis=1)
        low, high = interval(aurc, scores, labels)
        assert low < aurc(scores, labels) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    # A single clip is drawn each time.
    assert interval(ece, SCORES[:1], LABELS[:1]) == pytest.approx((0.1, 0.1))
