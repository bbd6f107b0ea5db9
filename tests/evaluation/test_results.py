from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dferclip_mm.evaluation.plots import confusion_figure, curves_figure
from dferclip_mm.evaluation.results import (
    Results,
    find_curves,
    format_scores,
    pool_results,
    read_results,
)


def write_log(folder: Path, time: str, lines: list[dict]) -> None:
    log = folder / time / 'vis_data'
    log.mkdir(parents=True)
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)) + '\n')


def test_a_resumed_run_is_one_curve_and_later_values_count(tmp_path: Path) -> None:
    first = [{'loss': 3.0, 'step': 1}, {'dfer/UAR': 10.0, 'dfer/WAR': 20.0, 'step': 1}]
    second = [{'loss': 2.0, 'step': 2}, {'dfer/UAR': 30.0, 'dfer/WAR': 40.0, 'step': 2}]
    write_log(tmp_path, '20260101_000000', [*first, {'loss': 9.0, 'step': 2}])
    write_log(tmp_path, '20260101_000500', second)
    (curves,) = find_curves(tmp_path).values()
    assert {name: curve.to_dict() for name, curve in curves.items()} == {
        'loss': {1: 3, 2: 2},
        'UAR': {1: 10, 2: 30},
        'WAR': {1: 20, 2: 40},
    }


@pytest.mark.parametrize('content', ['{"classes": ["a"]}', '[1]', 'no json'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / 'other.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=r'other\.json is not what RecallMetric'):
        read_results(path)


def test_folds_are_pooled_clip_by_clip() -> None:
    first = Results(('a', 'b'), np.array([0, 1]), np.array([0, 0]))
    pooled = pool_results([first, Results(('a', 'b'), np.array([1]), np.array([1]))])
    assert (pooled.truth.tolist(), pooled.predicted.tolist()) == ([0, 1, 1], [0, 0, 1])


def test_a_class_without_clips_has_no_recall_in_the_table() -> None:
    table = format_scores(Results(('a', 'b'), np.array([0, 0]), np.array([0, 1])))
    assert [line.split() for line in table.splitlines()[1:]] == [
        ['a', '50.0', '%', '2'],
        ['b', '-', '0'],
        ['UAR', '50.00', '%', 'WAR', '50.00', '%', '(2', 'clips)'],
    ]


def test_the_confusion_figure_shows_shares_of_the_true_class() -> None:
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ['a', 'b'])
    axes = figure.axes[0]
    assert axes.images[0].get_array().tolist() == [[75.0, 25.0], [0.0, 0.0]]
    assert [text.get_text() for text in axes.texts] == ['75\n(3)', '25\n(1)']
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ['a', 'b']
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('predicted', 'truth')


def test_the_curves_figure_draws_what_it_is_given() -> None:
    figure = curves_figure({'loss': pd.Series([3.0, 2.0]), 'UAR': pd.Series([10.0, 30.0])})
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == [3.0, 2.0]
    assert right.lines[0].get_ydata().tolist() == [10.0, 30.0]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ['UAR']


def test_evaluations_of_other_classes_are_not_pooled() -> None:
    one, other = (Results(names, np.array([0]), np.array([1])) for names in ('ab', 'ba'))
    with pytest.raises(ValueError, match='expected results of the same classes'):
        pool_results([one, other])
