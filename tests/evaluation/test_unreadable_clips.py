"""Clips that could not be read count as wrong, once, in however many processes."""

import json

import numpy as np
import pytest
import torch
from lengths import cases
from mmaction.registry import METRICS
from mmengine.logging import MMLogger
from processes import in_processes

CLASSES = ('a', 'b', 'c')


def sample_of(index, label, predicted, unreadable):
    sample = dict(
        sample_idx=index,
        filename=f'clip{index}',
        gt_label=torch.tensor([label]),
        pred_score=torch.nn.functional.one_hot(torch.tensor(predicted), len(CLASSES)),
    )
    return {**sample, 'unreadable': f'clip{index}: is empty'} if unreadable else sample


def draw(case):
    """Labels, predictions and which clips are unreadable."""
    rng = np.random.default_rng(case)
    size = int(rng.integers(1, 12))
    truth, predicted = rng.integers(0, len(CLASSES), (2, size))
    # What the head says of an empty clip may be right by chance.
    unreadable = rng.random(size) < 0.4
    predicted = np.where(unreadable, truth, predicted)
    return truth, predicted, unreadable


def evaluate_splits(rank, world, numbers):
    """UAR, WAR and number of unreadable clips by case, the clips dealt as DefaultSampler does."""
    found = []
    for case in numbers:
        truth, predicted, unreadable = draw(case)
        size = len(truth)
        # Rounded up by beginning again, so that all processes have as many.
        padded = [index % size for index in range(-(-size // world) * world)]
        metric = METRICS.build(dict(type='RecallMetric'))
        metric.dataset_meta = dict(classes=CLASSES)
        for index in padded[rank::world]:
            arguments = int(truth[index]), int(predicted[index]), bool(unreadable[index])
            metric.process(None, [sample_of(index, *arguments)])
        scores = metric.evaluate(size)
        found.append([scores['dfer/UAR'], scores['dfer/WAR'], scores.get('dfer/unreadable', 0)])
    return found


@pytest.mark.promise(
    'Clips', "With `unreadable='wrong'` an unreadable clip counts as wrong, once, in any split"
)
@pytest.mark.parametrize('world', [2, 3])
def test_uneven_splits_equal_plain_counting(world):
    numbers = range(cases(25, 250))
    for found in in_processes(evaluate_splits, world, numbers, world=world, fork=True):
        for case, (uar, war, count) in zip(numbers, found, strict=True):
            truth, predicted, unreadable = draw(case)
            right = (truth == predicted) & ~unreadable
            recall = [right[truth == label].mean() for label in np.unique(truth)]
            assert uar == pytest.approx(100 * np.mean(recall), abs=1e-10)
            assert war == pytest.approx(100 * right.mean(), abs=1e-10)
            assert count == unreadable.sum()


@pytest.fixture
def metric(tmp_path):
    built = METRICS.build(dict(type='RecallMetric', save_to=str(tmp_path / 'out.json')))
    built.dataset_meta = dict(classes=CLASSES)
    return built


def test_it_is_named_in_log_and_file_and_has_no_scores(metric, tmp_path, monkeypatch):
    said = []
    logger = type('Logger', (), dict(warning=lambda _, message: said.append(message)))()
    monkeypatch.setattr(
        'dferclip_mm.evaluation.recall.MMLogger.get_current_instance', lambda: logger
    )
    metric.process(None, [sample_of(0, 0, 0, False), sample_of(1, 0, 0, True)])
    scores = metric.evaluate(2)
    assert scores['dfer/WAR'] == 50
    assert scores['dfer/unreadable'] == 1
    assert '1 of 2 clips cannot be read and count as wrong: clip1: is empty' in said
    clips = json.loads((tmp_path / 'out.json').read_text())['clips']
    assert [clip['predicted'] for clip in clips] == [0, -1]
    assert clips[1]['scores'] is None
    assert clips[1]['unreadable'] == 'clip1: is empty'
    assert 'unreadable' not in clips[0]


def test_none_can_be_read(metric, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    metric.process(None, [sample_of(0, 0, 0, True), sample_of(1, 1, 1, True)])
    assert metric.evaluate(2)['dfer/WAR'] == 0
    told = '2 of 2 clips cannot be read and count as wrong: clip0: is empty; clip1: is empty'
    assert told in said


@pytest.mark.promise('Clips', 'A clip without a result stops the evaluation')
def test_a_clip_without_result_is_missed(metric):
    metric.process(None, [sample_of(0, 0, 0, False), sample_of(0, 0, 0, False)])
    with pytest.raises(ValueError, match='1 of 2 clips have a result'):
        metric.evaluate(2)


def test_regression_refuses_it():
    metric = METRICS.build(dict(type='RegressionMetric'))
    sample = {**sample_of(0, 0, 0, True), 'scores': [1.0]}
    with pytest.raises(ValueError, match='clip0: is empty: RegressionMetric has no error for'):
        metric.process(None, [sample])
