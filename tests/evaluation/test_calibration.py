from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from dferclip_mm.evaluation.calibration import expected_calibration_error, reliability
from dferclip_mm.evaluation.plots import reliability_figure


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
    assert expected_calibration_error(scores, labels, bins) == pytest.approx(float(expected))


def test_a_bin_compares_mean_confidence_with_accuracy() -> None:
    # The upper edge belongs to a bin, and full confidence to the last.
    scores = np.array([[0.5, 0.5], [0.8, 0.2], [0.4, 0.6], [0.0, 1.0]])
    found = reliability(scores, np.array([1, 0, 1, 1]), bins=2)
    assert found.clips.tolist() == [1, 3]
    assert found.confidence == pytest.approx([0.5, 0.8])
    assert found.accuracy == pytest.approx([0, 1])
    assert found.error == pytest.approx((1 * 0.5 + 3 * 0.2) / 4)


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
