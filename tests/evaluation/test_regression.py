import json
from fnmatch import fnmatch

import numpy as np
import pytest
import torch
from mmaction.registry import METRICS
from mmengine.logging import MMLogger
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, mean_squared_error

from dferclip_mm.evaluation import RegressionMetric, regression_scores

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(23, 3)) * [1, 10, 0.1] + [0, 5, 100]
PREDICTED = TRUTH * [0.5, -1, 1] + RNG.normal(size=(23, 3)) * [1, 5, 0.05]
TARGETS = ('pain', 'mood', 'calm')


def test_the_measures_equal_scipy_scikit_learn_and_the_published_formula():
    found = regression_scores(TRUTH, PREDICTED)
    for k in range(3):
        x, y = TRUTH[:, k], PREDICTED[:, k]
        pcc = pearsonr(x, y).statistic
        assert found['PCC'][k] == pytest.approx(pcc, abs=1e-12)
        spread = np.std(x) ** 2 + np.std(y) ** 2 + (x.mean() - y.mean()) ** 2
        expected = 2 * pcc * np.std(x) * np.std(y) / spread
        assert found['CCC'][k] == pytest.approx(expected, abs=1e-12)
        assert found['MAE'][k] == pytest.approx(mean_absolute_error(x, y), rel=1e-12)
        assert found['RMSE'][k] == pytest.approx(mean_squared_error(x, y) ** 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ('truth', 'predicted', 'pcc', 'ccc'),
    [
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], 0, 0),
        ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0], 0, 0),
        ([0.1, 0.1, 0.1], [0.1, 0.1, 0.1], 0, 1),
        # Not constant, but its square is 0.
        ([0.0, 1e-200, 0.0], [0.0, 1e-200, 0.0], 0, 1),
        ([0.0, 1e-200, 0.0], [1e-200, 0.0, 0.0], 0, 0),
    ],
)
def test_constant_values_have_no_correlation(truth, predicted, pcc, ccc):
    found = regression_scores(np.array(truth)[:, None], np.array(predicted)[:, None])
    assert found['PCC'][0] == pcc
    assert found['CCC'][0] == pytest.approx(ccc, abs=1e-15)


@pytest.mark.parametrize(
    ('truth', 'predicted', 'said'),
    [
        (np.zeros((0, 1)), np.zeros((0, 1)), 'at least one clip'),
        (np.zeros((2, 1)), np.zeros((2, 2)), 'of one shape'),
        (
            np.zeros((2, 1)),
            [[0.0], [np.nan]],
            '^the prediction of clip 1, target 0 is not a finite',
        ),
        ([[0.0], [np.inf]], np.zeros((2, 1)), '^the score of clip 1, target 0 is not a finite'),
    ],
)
def test_invalid_values_are_refused(truth, predicted, said):
    with pytest.raises(ValueError, match=said):
        regression_scores(truth, predicted)


def samples(indices):
    return [
        {
            'sample_idx': index,
            'filename': f'clip_{index}',
            'scores': TRUTH[index].tolist(),
            'pred_score': torch.tensor(PREDICTED[index]),
        }
        for index in indices
    ]


def evaluate(indices, size=23, **kwargs):
    metric = METRICS.build(dict(type='RegressionMetric', **kwargs))
    metric.dataset_meta = {'targets': TARGETS}
    metric.process(None, samples(indices))
    return metric.evaluate(size)


def test_each_target_and_their_mean_are_logged(tmp_path):
    found = evaluate(range(23), save_to=str(tmp_path / 'out' / 'scores.json'))
    # Predictions are kept as float32.
    expected = regression_scores(TRUTH, PREDICTED.astype(np.float32))
    assert len(found) == 16
    for name, values in expected.items():
        assert found[f'regression/{name}'] == pytest.approx(values.mean(), abs=1e-12)
        for target, value in zip(TARGETS, values, strict=True):
            assert found[f'regression/{name}/{target}'] == pytest.approx(value, abs=1e-12)
    saved = json.loads((tmp_path / 'out' / 'scores.json').read_text())
    assert saved['targets'] == list(TARGETS)
    assert saved['clips'][22]['clip'] == 'clip_22'
    assert {f'regression/{name}': value for name, value in saved['metrics'].items()} == found
    names = [name.removeprefix('regression/') for name in found]
    assert sorted(names) == sorted(RegressionMetric.reports({}, {'targets': saved['targets']}))
    patterns = RegressionMetric.reports({}, {})
    assert all(any(fnmatch(name, each) for each in patterns) for name in names)


def test_the_log_names_constant_targets(monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    monkeypatch.setattr('test_regression.PREDICTED', np.ones((23, 3)))
    assert evaluate(range(23))['regression/PCC'] == 0
    assert said[0] == 'PCC of pain counts as 0: its prediction is the same for all 23 clips'
    assert len(said) == 3


@pytest.mark.parametrize(
    ('sample', 'said'),
    [
        (dict(pred_score=torch.zeros(3)), "set 'scores' in the algorithm_keys"),
        (
            dict(scores=[1.0], unreadable='clip0: is empty'),
            'clip0: is empty: RegressionMetric has no error for',
        ),
    ],
)
def test_a_clip_without_scores_or_pixels_is_refused(sample, said):
    with pytest.raises(ValueError, match=said):
        METRICS.build(dict(type='RegressionMetric')).process(None, [sample])
