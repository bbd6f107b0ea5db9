import numpy as np

from dferclip_mm.evaluation.probe import probe_labels, probe_scores

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 4)) * [1, 100, 0.01, 1]
LABELS = (FEATURES[:, 0] > 0).astype(int) + (FEATURES[:, 1] > 0)


def test_separable_classes_are_predicted():
    found = probe_labels(FEATURES[:40], LABELS[:40], FEATURES[40:], strength=100.0)
    assert (found == LABELS[40:]).mean() >= 0.85


def test_linear_scores_are_predicted_and_noise_is_not():
    scores = FEATURES[:, :2] @ [[1.0, 2.0], [0.01, -0.03]] + [5, -5]
    found = probe_scores(FEATURES[:40], scores[:40], FEATURES[40:], scores[40:], strength=1e3)
    assert found['CCC'].min() > 0.999
    noise = RNG.normal(size=(60, 1))
    found = probe_scores(FEATURES[:40], noise[:40], FEATURES[40:], noise[40:])
    assert found['CCC'].max() < 0.5
