import builtins

import numpy as np
import pytest

from dferclip_mm.evaluation.probe import probe_labels, probe_scores

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 4)) * [1, 100, 0.01, 1]
LABELS = (FEATURES[:, 0] > 0).astype(int) + (FEATURES[:, 1] > 0)


def test_classes_that_features_tell_are_read_off_them():
    found = probe_labels(FEATURES[:40], LABELS[:40], FEATURES[40:], LABELS[40:], 3, strength=100.0)
    assert found.war >= 85
    assert found.confusion.sum() == 20


def test_scores_that_depend_linearly_are_read_off():
    scores = FEATURES[:, :2] @ [[1.0, 2.0], [0.01, -0.03]] + [5, -5]
    found = probe_scores(FEATURES[:40], scores[:40], FEATURES[40:], scores[40:], strength=1e3)
    assert found['CCC'].min() > 0.999
    noise = RNG.normal(size=(60, 1))
    found = probe_scores(FEATURES[:40], noise[:40], FEATURES[40:], noise[40:])
    assert found['CCC'].max() < 0.5


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('sklearn'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match=r'pip install "dferclip_mm\[probe\]"'):
        probe_labels(FEATURES, LABELS, FEATURES, LABELS, 3)
