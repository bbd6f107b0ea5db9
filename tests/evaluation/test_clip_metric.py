"""Each clip counts once, however the clips are distributed over processes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
import pytest
import torch
from lengths import cases
from mmaction.registry import METRICS
from mmaction.structures import ActionDataSample
from mmengine.evaluator import Evaluator
from processes import in_processes

from dferclip_mm.evaluation.measures import uar, war
from dferclip_mm.evaluation.results import read_results

CLASSES = ('a', 'b', 'c', 'd')


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (N,), scores (N, C) with ties, and which clips are unreadable (N,)."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, (4, 40)[seed % 2]))
    truth = rng.integers(0, rng.integers(1, len(CLASSES) + 1), size)
    scores = rng.integers(0, 4, (size, len(CLASSES))) / 4
    return truth, scores, rng.random(size) < 0.2


def samples(seed: int, clips: list[int]) -> list[dict]:
    truth, scores, unreadable = draw(seed)
    return [
        dict(
            sample_idx=clip,
            filename=f'clip{clip}',
            gt_label=torch.tensor([truth[clip]]),
            pred_score=torch.tensor(scores[clip]),
            unreadable=f'clip{clip}: is empty' if unreadable[clip] else None,
        )
        for clip in clips
    ]


def evaluate(seed: int, clips: list[int], save_to: str | None = None) -> dict[str, float]:
    metric = METRICS.build(dict(type='RecallMetric', save_to=save_to, classes=CLASSES))
    metric.process(None, samples(seed, clips))
    return metric.evaluate(size=len(draw(seed)[0]))


def split(seed: int, rank: int, world: int) -> list[int]:
    """The clips of a process, in one of four ways in which samplers distribute them."""
    size = len(draw(seed)[0])
    order = np.random.default_rng(seed).permutation(size).tolist()
    way = seed // 2 % 4
    if way == 0:
        # DefaultSampler(round_up=True): padded with the first clips.
        total = math.ceil(size / world) * world
        return [clip % size for clip in range(total)][rank::world]
    if way == 1:
        # DefaultSampler(round_up=False): some processes get fewer clips, or none.
        return order[rank::world]
    blocks = np.array_split(order, world)
    if way == 2:
        # Blocks whose padding comes first: a cut at the end would lose clips.
        longest = max(map(len, blocks))
        return [order[0]] * (longest - len(blocks[rank])) + blocks[rank].tolist()
    # One process has all clips, the others repeat half of them.
    return order if rank == 0 else order[: size // 2]


def evaluate_splits(rank: int, world: int, count: int, folder: str) -> list[dict[str, float]]:
    return [
        evaluate(seed, split(seed, rank, world), f'{folder}/{seed}.json') for seed in range(count)
    ]


@pytest.mark.promise('Several processes', 'Each clip counts once over any number of processes')
@pytest.mark.parametrize('world', [2, 3])
def test_several_processes_score_what_one_process_scores(tmp_path: Path, world: int) -> None:
    count = cases(24, 500)
    found = in_processes(evaluate_splits, world, count, str(tmp_path), world=world, fork=True)
    for seed in range(count):
        truth, scores, unreadable = draw(seed)
        expected = evaluate(seed, list(range(len(truth))))
        assert [each[seed] for each in found] == [expected] * world
        # An unreadable clip is wrong; of equal scores, the first class counts.
        predicted = np.where(unreadable, -1, scores.argmax(axis=1))
        right = truth == predicted
        recall = [right[truth == label].mean() for label in np.unique(truth)]
        assert expected['dfer/UAR'] == pytest.approx(100 * np.mean(recall))
        assert expected['dfer/WAR'] == pytest.approx(100 * right.mean())
        assert expected.get('dfer/unreadable', 0) == unreadable.sum()
        saved = read_results(tmp_path / f'{seed}.json')
        assert saved.predicted.tolist() == predicted.tolist()
        assert uar(saved.counts) == expected['dfer/UAR']
        assert war(saved.counts) == expected['dfer/WAR']


@pytest.mark.parametrize('found', [[], [0, 0]])
def test_a_clip_without_a_result_is_an_error(found: list[int]) -> None:
    size = len(draw(1)[0])
    message = f'{len(set(found))} of {size} clips have a result'
    with pytest.raises(ValueError, match=message):
        evaluate(1, found)


def test_concatenated_datasets_number_their_clips_separately() -> None:
    metric = METRICS.build(dict(type='RecallMetric', classes=('a', 'b')))
    for name, label in (('one', 0), ('other', 1)):
        for clip in (0, 1, 0):
            sample = dict(sample_idx=clip, filename=f'{name}/{clip}')
            sample |= dict(gt_label=torch.tensor([label]), pred_score=torch.tensor([1.0, 2 * clip]))
            metric.process(None, [sample])
    found = metric.evaluate(size=4)
    assert (found['dfer/UAR'], found['dfer/WAR']) == (50, 50)


@pytest.mark.promise(
    'Clips', "With `unreadable='wrong'` an unreadable clip counts as wrong, once, in any split"
)
def test_an_unreadable_clip_is_named_in_log_and_file_and_has_no_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr('dferclip_mm.evaluation.recall._warn', said.append)
    path = tmp_path / 'out.json'
    metric = METRICS.build(dict(type='RecallMetric', save_to=str(path), classes=('a', 'b')))
    nan = torch.tensor([math.nan, math.nan])
    sample = dict(gt_label=torch.tensor([0]), pred_score=torch.tensor([1.0, 0.0]))
    unreadable = dict(sample, pred_score=nan, unreadable='clip1: is empty')
    metric.process(None, [dict(sample, sample_idx=0), dict(unreadable, sample_idx=1)])
    scores = metric.evaluate(2)
    assert (scores['dfer/WAR'], scores['dfer/unreadable']) == (50, 1)
    assert '1 of 2 clips cannot be read and count as wrong: clip1: is empty' in said
    clips = json.loads(path.read_text())['clips']
    assert clips[1] == dict(
        index=1, clip=None, label=0, scores=None, unreadable='clip1: is empty', predicted=-1
    )
    assert (clips[0]['predicted'], 'unreadable' in clips[0]) == (0, False)


def test_a_table_has_a_row_per_clip_with_names_and_scores(tmp_path: Path) -> None:
    settings = dict(save_to=str(tmp_path / 'out.csv'), classes=('calm', 'in pain'))
    metric = METRICS.build(dict(type='RecallMetric', **settings))
    sample = dict(filename='one', sample_idx=0, gt_label=torch.tensor([1]))
    metric.process(None, [dict(sample, pred_score=torch.tensor([0.25, 0.75]))])
    metric.process(None, [dict(sample, filename='two', sample_idx=1, unreadable='two: is empty')])
    metric.evaluate(2)
    assert (tmp_path / 'out.csv').read_text().splitlines() == [
        'index,clip,label,scores/calm,scores/in pain,predicted,unreadable',
        '0,one,in pain,0.25,0.75,in pain,',
        '1,two,in pain,,,,two: is empty',
    ]


@pytest.mark.parametrize('names', [dict(classes=['a', 'b']), dict(targets=['a', 'b'])])
def test_names_that_are_missing_or_not_the_datasets_are_refused(names: dict[str, Any]) -> None:
    (what,) = names
    kind = dict(classes='RecallMetric', targets='RegressionMetric')[what]
    sample = dict(gt_label=torch.tensor([0]), scores=[1.0, 0.0], pred_score=torch.tensor([0.0, 1]))
    for given, meta, said in (
        ({}, None, f'{kind} needs the names of the {what}: set'),
        (names, {what: ('b', 'a')}, f'{kind} has the {what} a, b, but the dataset has b, a'),
        ({}, {what: ('b',)}, rf'the head has 2 {what}, the dataset 1 \(b\): give both'),
    ):
        metric = METRICS.build(dict(type=kind, **given))
        metric.dataset_meta = meta
        metric.process(None, [sample])
        with pytest.raises(ValueError, match=said):
            metric.evaluate(1)


@pytest.mark.parametrize('kind', ['RecallMetric', 'RegressionMetric'])
def test_results_go_to_no_other_kind_of_file(kind: str) -> None:
    with pytest.raises(ValueError, match=r"ends in \.json or \.csv, found 'preds\.pkl'"):
        METRICS.build(dict(type=kind, save_to='preds.pkl'))


@pytest.mark.parametrize(
    ('metric', 'key', 'expected'),
    [
        (dict(type='RecallMetric', classes='dfew'), 'dfer/WAR', 50),
        (dict(type='RegressionMetric', targets=['pain', 'mood']), 'regression/MAE/mood', 2),
    ],
)
def test_a_dump_is_scored_without_a_dataset(
    metric: dict[str, Any], key: str, expected: float, tmp_path: Path
) -> None:
    """As MMAction2's eval_metric.py does with the file of ``test.py --dump``."""
    dumped = str(tmp_path / 'dump.pkl')
    dump = Evaluator(dict(type='DumpResults', out_file_path=dumped))
    for clip in range(2):
        scores = [1.0, 2.0] if metric['type'] == 'RegressionMetric' else [1.0, *[0.0] * 6]
        found = ActionDataSample().set_gt_label(clip).set_pred_score(torch.tensor(scores))
        found.set_metainfo(dict(filename=f'clip{clip}', sample_idx=clip, scores=[1.0, 0.0]))
        dump.process([found])
    dump.evaluate(2)
    assert Evaluator(metric).offline_evaluate(mmengine.load(dumped))[key] == expected
