"""UAR, WAR and confusion: scikit-learn's, whatever the number of processes and the split."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from lengths import cases
from mmaction.registry import METRICS
from processes import in_processes
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from dferclip_mm.evaluation import recall_scores
from dferclip_mm.evaluation.results import read_results

CLASSES = (2, 7, 11)
LARGEST = 500


def draw(seed: int, largest: int = LARGEST) -> tuple[int, np.ndarray, np.ndarray]:
    """A case: C, labels (N,) and scores (N, C), with absent classes, one class only, and ties."""
    rng = np.random.default_rng(seed)
    classes = CLASSES[seed % len(CLASSES)]
    # Small sizes as often as large ones.
    size = int(rng.integers(1, (10, 60, largest)[seed // 3 % 3], endpoint=True))
    present = rng.permutation(classes)[: rng.integers(1, classes, endpoint=True)]
    truth = rng.choice(present, size)
    # Few levels of the score: several classes share the highest.
    scores = rng.integers(0, rng.integers(1, 6), (size, classes)) / 4
    scores[np.arange(size), truth] += rng.choice([0, 0.25, 1])
    return classes, truth, scores


def first_of_the_highest(scores: np.ndarray) -> list[int]:
    return [row.index(max(row)) for row in scores.tolist()]


def by_scikit_learn(classes: int, truth: np.ndarray, predicted: list[int]) -> tuple:
    with warnings.catch_warnings():
        # It leaves absent classes out too, and warns.
        warnings.filterwarnings('ignore', message='y_pred contains classes not in y_true')
        warnings.filterwarnings('ignore', category=UndefinedMetricWarning)
        # One class alone.
        warnings.filterwarnings('ignore', message='A single label was found')
        uar = balanced_accuracy_score(truth, predicted)
    confusion = confusion_matrix(truth, predicted, labels=range(classes))
    return 100 * uar, 100 * accuracy_score(truth, predicted), confusion


@pytest.mark.promise('Several processes', "UAR, WAR and the confusion matrix equal scikit-learn's")
def test_equals_scikit_learn() -> None:
    seen = set()
    for seed in range(cases(300, 5000)):
        classes, truth, scores = draw(seed)
        predicted = first_of_the_highest(scores)
        uar, war, confusion = by_scikit_learn(classes, truth, predicted)
        ours = recall_scores(truth, np.array(predicted), classes)
        assert math.isclose(ours.uar, uar, rel_tol=0, abs_tol=1e-12 * 100), seed
        assert math.isclose(ours.war, war, rel_tol=0, abs_tol=1e-12 * 100), seed
        np.testing.assert_array_equal(ours.confusion, confusion)
        absent = len(set(truth)) < classes
        seen.add((absent, bool(set(predicted) - set(truth)), len(set(truth)) == 1))
        seen.add(('tie', bool(((scores == scores.max(1, keepdims=True)).sum(1) > 1).any())))
    assert seen >= {(True, True, True), (True, False, False), (False, False, False), ('tie', True)}


@pytest.mark.parametrize('classes', CLASSES)
def test_nothing_to_score(classes: int) -> None:
    with pytest.raises(ValueError, match='no clips to score'):
        recall_scores(np.array([], int), np.array([], int), classes)


def share(seed: int, size: int, rank: int, world: int) -> list[int]:
    """The clips of a process, as samplers give them out; some are given to several processes."""
    order = np.random.default_rng(seed).permutation(size).tolist()
    way = seed // 7 % 4
    if way == 0:
        # DefaultSampler(round_up=True): as many for each process, the first clips once more.
        total = math.ceil(size / world) * world
        return [clip % size for clip in range(total)][rank::world]
    if way == 1:
        # DefaultSampler(round_up=False, shuffle=True): some processes get fewer, or none.
        return order[rank::world]
    blocks = np.array_split(order, world)
    if way == 2:
        # Blocks whose padding comes first: cutting the tail off would lose clips.
        longest = max(map(len, blocks))
        return [order[0]] * (longest - len(blocks[rank])) + blocks[rank].tolist()
    # One process has nearly everything, and another the same clips once more.
    return order if rank == 0 else order[: size // 2]


def evaluate(
    seed: int, clips: list[int], save_to: str | None = None, largest: int = 40
) -> dict[str, float]:
    classes, truth, scores = draw(seed, largest)
    metric = METRICS.build(dict(type='RecallMetric', save_to=save_to))
    metric.dataset_meta = dict(classes=tuple(f'class {number}' for number in range(classes)))
    metric.process(
        None,
        [
            dict(
                sample_idx=clip,
                filename=f'clip{clip}',
                gt_label=torch.tensor([truth[clip]]),
                pred_score=torch.tensor(scores[clip]),
            )
            for clip in clips
        ],
    )
    return metric.evaluate(size=len(truth))


def evaluate_shares(rank: int, world: int, count: int, folder: str) -> list[dict[str, float]]:
    return [
        evaluate(
            seed, share(seed, len(draw(seed, 40)[1]), rank, world), f'{folder}/{world}/{seed}.json'
        )
        for seed in range(count)
    ]


@pytest.mark.promise('Several processes', 'Each clip counts once over any number of processes')
@pytest.mark.parametrize('world', [2, 3])
def test_uneven_shares_equal_one_process(tmp_path: Path, world: int) -> None:
    count = cases(40, 500)
    answers = in_processes(evaluate_shares, world, count, str(tmp_path), world=world, fork=True)
    fewer = 0
    for seed in range(count):
        classes, truth, scores = draw(seed, 40)
        alone = evaluate(seed, list(range(len(truth))))
        for answer in answers:
            assert answer[seed] == alone, seed
        path = tmp_path / str(world) / f'{seed}.json'
        clips = json.loads(path.read_text())['clips']
        assert [clip['index'] for clip in clips] == list(range(len(truth)))
        predicted = first_of_the_highest(scores)
        assert [clip['predicted'] for clip in clips] == predicted
        uar, war, confusion = by_scikit_learn(classes, truth, predicted)
        assert alone['dfer/UAR'] == pytest.approx(uar, rel=0, abs=1e-10)
        assert alone['dfer/WAR'] == pytest.approx(war, rel=0, abs=1e-10)
        # What is logged can be computed again from what is saved.
        again = read_results(path).scores
        assert (again.uar, again.war) == (alone['dfer/UAR'], alone['dfer/WAR'])
        assert json.loads(path.read_text())['confusion'] == confusion.tolist()
        np.testing.assert_array_equal(again.confusion, confusion)
        fewer += len(truth) < world
    assert fewer


def test_a_clip_without_result_is_told() -> None:
    clips = len(draw(8, 40)[1])
    with pytest.raises(ValueError, match=f'{clips - 1} of {clips} clips have a result'):
        evaluate(8, list(range(1, clips)))
    with pytest.raises(ValueError, match=f'0 of {clips} clips have a result'):
        evaluate(8, [])


def test_joined_data_sets_number_their_clips_each_for_itself() -> None:
    metric = METRICS.build(dict(type='RecallMetric'))
    metric.dataset_meta = dict(classes=('a', 'b'))
    for name, label in (('one', 0), ('other', 1)):
        for clip in (0, 1, 0):
            metric.process(
                None,
                [
                    dict(
                        sample_idx=clip,
                        filename=f'{name}/{clip}',
                        gt_label=torch.tensor([label]),
                        pred_score=torch.tensor([1.0, float(clip) * 2]),
                    )
                ],
            )
    assert metric.evaluate(size=4) == {
        'dfer/UAR': 50.0,
        'dfer/WAR': 50.0,
        'dfer/recall/a': 50.0,
        'dfer/recall/b': 50.0,
    }
