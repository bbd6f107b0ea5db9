from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import METRICS
from sklearn.metrics import f1_score, top_k_accuracy_score

from dferclip_mm.evaluation.measures import measure
from dferclip_mm.evaluation.recall import RecallMetric

NAMES = ('F1', 'weighted_F1', 'kappa', 'top2', 'mAP', 'ECE')


@pytest.mark.parametrize('classes', [2, 7])
def test_f1_and_top_k_equal_those_of_scikit_learn(classes: int) -> None:
    rng = np.random.default_rng(classes)
    for size in (2, 9, 300):
        labels, answers = rng.integers(0, classes, (2, size))
        expected = f1_score(
            labels, answers, average='macro', labels=np.unique(labels), zero_division=0
        )
        found = measure('F1', np.eye(classes)[answers], labels)
        assert found == pytest.approx(100 * expected)
    scores = rng.dirichlet(np.ones(classes), 60)
    labels = rng.permutation(np.arange(60) % classes)
    for k in range(1, classes):
        expected = top_k_accuracy_score(
            labels, scores[:, 1] if classes == 2 else scores, k=k, labels=range(classes)
        )
        assert measure(f'top{k}', scores, labels) == pytest.approx(100 * expected)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    ('name', 'answers', 'labels', 'expected'),
    [
        ('kappa', [0, 0], [0, 0], 0),
        # Of three clips of the one class F1 is 4 / 5, of the other's clip 2 / 3.
        ('weighted_F1', [0, 0, 1, 1], [0, 0, 0, 1], 100 * (3 * 4 / 5 + 2 / 3) / 4),
    ],
)
def test_kappa_without_a_second_class_is_0_and_weighted_f1_is_not_the_accuracy(
    name: str, answers: list[int], labels: list[int], expected: float
) -> None:
    assert measure(name, np.eye(2)[answers], np.array(labels)) == pytest.approx(expected)


def samples(labels: list[list[int]], scores: list[list[float]]) -> list[dict]:
    return [
        dict(sample_idx=index, gt_label=torch.tensor(label), pred_score=torch.tensor(score))
        for index, (label, score) in enumerate(zip(labels, scores, strict=True))
    ]


def test_the_metric_logs_the_chosen_measures() -> None:
    classes = dict(classes=('a', 'b', 'c'))
    metric = METRICS.build(dict(type='RecallMetric', measures=NAMES, **classes))
    scores = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.25, 0.35, 0.4], [0.9, 0.1, 0.0]]
    given = samples([[0], [1], [2], [0]], scores)
    # No answer: wrong, and without a confidence.
    given[3]['unreadable'] = 'a clip: is empty'
    metric.process(None, given)
    found = metric.evaluate(4)
    assert {name: found[f'dfer/{name}'] for name in NAMES} == {
        'F1': pytest.approx(100 * (2 / 3 + 0 + 2 / 3) / 3),
        'weighted_F1': pytest.approx(100 * (2 * 2 / 3 + 2 / 3) / 4),
        'kappa': pytest.approx((2 / 4 - (2 * 1 + 1 * 2) / 16) / (1 - 4 / 16)),
        'top2': 75,
        # Of a: ranks 1 and 4. Of b: rank 2. Of c: rank 2.
        'mAP': pytest.approx(100 * ((1 + 2 / 4) / 2 + 1 / 2 + 1 / 2) / 3),
        'ECE': pytest.approx((0.3 + 0.6 + 0.6) / 3),
    }
    assert {name.removeprefix('dfer/') for name in found} <= {
        *metric.reports({'measures': NAMES}, classes),
        'unreadable',
    }


def test_clips_with_several_labels_have_an_average_precision() -> None:
    metric = METRICS.build(dict(type='RecallMetric', classes=('a', 'b', 'c')))
    metric.process(None, samples([[1, 1, 0], [0, 1, 0]], [[0.3, 0.1, 0.5], [0.6, 0.7, 0.5]]))
    assert metric.evaluate(2) == {'dfer/mAP': 75, 'dfer/AP/a': 50, 'dfer/AP/b': 100}
    metric.results.clear()
    metric.process(None, samples([[1, 1, 0], [2]], [[0.3, 0.1, 0.5], [0.6, 0.7, 0.5]]))
    with pytest.raises(ValueError, match='expected 0 or 1 for each of the 3 classes'):
        metric.evaluate(2)


@pytest.mark.parametrize('name', ['top0', 'coverage@1.9', 'error@80'])
def test_an_unknown_measure_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"names of UAR, .*top2 .* found '{name}'$"):
        RecallMetric(measures=['F1', name])


def test_a_measure_of_no_answers_is_left_out(tmp_path: Path) -> None:
    path, names = tmp_path / 'out.json', ['coverage@1.0', 'ECE', 'error@1.0']
    settings = dict(measures=names, save_to=str(path), classes=('a', 'b'))
    metric = METRICS.build(dict(type='RecallMetric', **settings))
    (sample,) = samples([[0]], [[0, 1.0]])
    metric.process(None, [dict(sample, unreadable='empty')])
    found = metric.evaluate(1)
    assert found['dfer/coverage@1.0'] == 0
    assert not {'dfer/ECE', 'dfer/error@1.0'} & found.keys()
    assert 'NaN' not in path.read_text()
