import json
from dataclasses import replace
from fnmatch import fnmatch

import numpy as np
import pytest
import torch
from lengths import cases
from mmaction.registry import METRICS
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from dferclip_mm.evaluation.compare import Run, compare
from dferclip_mm.evaluation.measures import count_answers, recall, uar, war
from dferclip_mm.evaluation.results import Results


def samples_of(truth, predicted, classes, indices=None):
    """Data samples as a metric receives them: dicts with label and scores."""
    indices = range(len(truth)) if indices is None else indices
    return [
        dict(
            sample_idx=index,
            filename=f'clip{index}',
            gt_label=torch.tensor([int(truth[index])]),
            pred_score=torch.nn.functional.one_hot(torch.tensor(int(predicted[index])), classes),
        )
        for index in indices
    ]


@pytest.mark.promise('Several processes', "UAR, WAR and the confusion matrix equal scikit-learn's")
@pytest.mark.parametrize('classes', [2, 7, 11])
def test_the_scores_equal_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    for _ in range(cases(20, 1000)):
        size = rng.integers(1, 60)
        truth, predicted = rng.integers(0, classes, (2, size))
        counts, present = count_answers(truth, predicted, classes), np.unique(truth)
        expected = recall_score(truth, predicted, labels=present, average=None, zero_division=0)
        assert uar(counts) == pytest.approx(100 * expected.mean(), abs=1e-10)
        assert war(counts) == pytest.approx(100 * accuracy_score(truth, predicted), abs=1e-10)
        np.testing.assert_allclose(recall(counts)[present], 100 * expected, atol=1e-10)
        expected = confusion_matrix(truth, predicted, labels=range(classes))
        np.testing.assert_array_equal(counts[:, :-1], expected)


def test_an_absent_class_does_not_count_and_no_prediction_is_wrong():
    # NumPy would warn of 0 / 0.
    with np.errstate(all='raise'):
        counts = count_answers(np.array([0, 0, 0, 1]), np.array([0, 0, -1, 2]), 3)
        assert recall(counts) == pytest.approx([200 / 3, 0, np.nan], nan_ok=True)
        assert (uar(counts), war(counts)) == (pytest.approx(100 / 3), 50)


@pytest.mark.parametrize(
    ('truth', 'predicted', 'message'),
    [
        ([], [], 'no clips to score'),
        ([0, 3], [0, 1], '^label 3 lies outside the 3 classes 0 … 2$'),
        ([0, -1], [0, 1], '^label -1 lies'),
        ([0], [7], '^prediction 7 lies'),
        ([0], [-2], '^prediction -2 lies'),
    ],
)
def test_what_cannot_be_counted_is_refused(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        count_answers(np.array(truth, int), np.array(predicted, int), 3)


def test_the_metric_counts_padded_clips_once(tmp_path):
    truth, predicted = [0, 0, 1, 2, 2], [0, 1, 1, 2, 0]
    settings = dict(save_to=str(tmp_path / 'sub' / 'out.json'), classes=('a', 'b', 'c'))
    metric = METRICS.build(dict(type='RecallMetric', **settings))
    metric.process(None, samples_of(truth, predicted, 3))
    metric.process(None, samples_of(truth, predicted, 3, indices=[1, 4]))
    scores = metric.compute_metrics(metric.results)
    assert scores == {
        'UAR': pytest.approx(200 / 3),
        'WAR': 60,
        'recall/a': 50,
        'recall/b': 100,
        'recall/c': 50,
    }
    saved = json.loads((tmp_path / 'sub' / 'out.json').read_text())
    assert saved['classes'] == ['a', 'b', 'c']
    assert saved['metrics'] == scores
    assert saved['confusion'] == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert [clip['predicted'] for clip in saved['clips']] == predicted
    assert [clip['clip'] for clip in saved['clips']] == [f'clip{index}' for index in range(5)]


def test_scores_that_are_not_finite_are_refused():
    metric = METRICS.build(dict(type='RecallMetric'))
    samples = samples_of([0, 1], [0, 1], 3)
    samples[1]['pred_score'] = torch.tensor([0.0, -np.inf, 0.0])
    with pytest.raises(ValueError, match=r'^clip1: expected finite class scores'):
        metric.process(None, samples)
    del samples[1]['filename']
    with pytest.raises(ValueError, match=r'^clip 1: expected finite class scores'):
        metric.process(None, samples)


def test_what_save_best_may_name_is_what_is_logged():
    metric = METRICS.build(dict(type='RecallMetric', bootstrap=4))
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    metric.process(None, samples_of([0, 1, 2], [0, 1, 1], 3))
    names = [name.removeprefix('dfer/') for name in metric.evaluate(size=3)]
    meta = dict(metric.dataset_meta, multi_class=False)
    assert sorted(names) == sorted(metric.reports(vars(metric), meta))
    patterns = metric.reports({'bootstrap': 400}, {})
    assert all(any(fnmatch(name, each) for each in patterns) for name in names)
    several = metric.reports({}, dict(meta, multi_class=True))
    assert several == ['mAP', 'AP/a', 'AP/b', 'AP/c']
    assert metric.reports({'bootstrap': 0}, {}) == ['UAR', 'WAR', 'recall/*', 'mAP', 'AP/*']


def test_the_intervals_are_those_of_a_comparison_over_subjects():
    # The only clip of class 3 is absent from many resamples.
    truth = np.arange(100) % 3
    predicted = np.where(np.arange(100) % 7 < 4, truth, 0)
    truth[-1] = predicted[-1] = 3
    subjects = tuple(str(clip % 11) for clip in range(100))
    metric = METRICS.build(dict(type='RecallMetric', classes=tuple('abcd'), bootstrap=200))
    for sample, subject in zip(samples_of(truth, predicted, 4), subjects, strict=True):
        metric.process(None, [sample | dict(subject=subject)])
    found = metric.evaluate(100)
    results = Results(metric.classes, truth, predicted, clips=tuple(map(str, range(100))))
    (row,) = compare([Run('run', (replace(results, subjects=subjects),))], 200)
    for name in ('UAR', 'WAR'):
        assert found[f'dfer/{name}_low'] == row[f'{name}_low'] < row[f'{name}_high']
        assert found[f'dfer/{name}_high'] == row[f'{name}_high']


@pytest.mark.parametrize(
    ('truth', 'said'), [([0, 0], ['b', 'c']), ([0, 1], ['c']), ([2, 1, 0], [])]
)
def test_classes_without_clips_are_named(truth, said, monkeypatch):
    warnings = []
    monkeypatch.setattr('dferclip_mm.evaluation.recall._warn', warnings.append)
    metric = METRICS.build(dict(type='RecallMetric', classes=('a', 'b', 'c')))
    metric.process(None, samples_of(truth, truth, 3))
    scores = metric.evaluate(size=len(truth))
    # JSON has no NaN.
    assert not any(f'dfer/recall/{name}' in scores for name in said)
    expected = f'UAR is the mean over {3 - len(said)} classes; without clips: {", ".join(said)}'
    assert warnings == ([expected] if said else [])


def test_clips_of_which_some_have_no_label_are_refused():
    metric = METRICS.build(dict(type='RecallMetric', classes=('a', 'b')))
    samples = samples_of([0, 1, 1], [0, 1, 1], 2)
    del samples[1]['gt_label']
    metric.process(None, samples)
    with pytest.raises(ValueError, match='1 of 3 clips have no label, the first is clip1: give'):
        metric.evaluate(3)
    for sample in samples:
        sample.pop('gt_label', None)
    metric.results.clear()
    metric.process(None, samples)
    assert metric.evaluate(3) == {}
