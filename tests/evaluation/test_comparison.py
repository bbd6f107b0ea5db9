from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import pytest

from dferclip_mm.evaluation.compare import Run, compare
from dferclip_mm.evaluation.measures import count_answers, recall, uar, war
from dferclip_mm.evaluation.results import Results
from dferclip_mm.evaluation.tables import render

CLASSES = ('pain', 'no pain', 'a_b')


def results(
    numbers: Sequence[int],
    right: float = 0.7,
    seed: int = 0,
    template: str = '/data/{:03}',
    subjects: int = 0,
    **source: str,
) -> Results:
    """Answers to numbered clips; the label of a clip depends on its number alone."""
    rng = np.random.default_rng(seed)
    truth = np.array([number * 7 % 11 % 3 for number in numbers])
    wrong = rng.random(len(truth)) > right
    return Results(
        CLASSES,
        truth,
        np.where(wrong, (truth + 1) % 3, truth),
        clips=tuple(template.format(number) for number in numbers),
        subjects=tuple(f's{number % subjects}' for number in numbers) if subjects else (),
        source=source,
    )


def test_a_figure_is_the_mean_over_folds_with_its_deviation() -> None:
    folds = results(range(40)), results(range(40, 70), seed=1)
    (row,) = compare([Run('run', folds)], 100)
    counts = [fold.counts for fold in folds]
    for name, measure in (('UAR', uar), ('WAR', war), ('recall/a_b', lambda each: recall(each)[2])):
        expected = [measure(each) for each in counts]
        assert row[name] == pytest.approx(np.mean(expected))
        assert row[f'{name}_std'] == pytest.approx(np.std(expected, ddof=1))


@pytest.mark.parametrize('subjects', [0, 5])
def test_a_resample_has_the_answers_of_all_seeds_to_a_drawn_clip_or_subject(subjects: int) -> None:
    seeds = [results(range(30), seed=seed, subjects=subjects) for seed in range(3)]
    units = np.arange(30) % subjects if subjects else np.arange(30)
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(200):
        drawn = rng.integers(units.max() + 1, size=units.max() + 1)
        clips = np.concatenate([np.flatnonzero(units == unit) for unit in drawn])
        counts = [count_answers(one.truth[clips], one.predicted[clips], 3) for one in seeds]
        scores.append(np.mean([uar(each) for each in counts]))
    (row,) = compare([Run('run', tuple(seeds))], 200)
    expected = pytest.approx(np.percentile(scores, (2.5, 97.5)))
    assert (row['UAR_low'], row['UAR_high']) == expected


def test_a_run_is_tested_against_the_first_clip_by_clip() -> None:
    base, other = results(range(60), 0.5), results(range(60), 0.95, seed=3)
    first, row, same = compare([Run('a', (base,)), Run('b', (other,)), Run('c', (base,))])
    rights = base.truth == base.predicted, other.truth == other.predicted
    difference = 100 * (rights[1].mean() - rights[0].mean())
    assert row['WAR_difference'] == pytest.approx(difference)
    # The normal approximation of a paired difference.
    spread = 196 * (rights[1].astype(int) - rights[0]).std() / np.sqrt(60)
    assert row['WAR_difference_low'] == pytest.approx(difference - spread, abs=2.5)
    assert row['WAR_difference_high'] == pytest.approx(difference + spread, abs=2.5)
    assert row['WAR_difference_p'] < 0.01
    assert not {'WAR_difference', 'mcnemar_p'} & first.keys()
    assert (same['UAR_difference'], same['UAR_difference_p'], same['mcnemar_p']) == (0, 1, 1)
    assert [each['UAR_best'] for each in (first, row, same)] == [False, True, False]


def test_two_subjects_make_nothing_significant() -> None:
    runs = [
        Run(str(right), (results(range(40), right, template='/c/{}', subjects=2),))
        for right in (0, 1)
    ]
    rows = compare(runs, 100)
    assert (rows[1]['UAR_difference'], rows[1]['UAR_best']) == (100, False)
    assert 'fewer than 10 drawn' in render(runs, rows, 'text')


def test_mcnemar_is_the_exact_sign_test_of_the_clips_with_different_outcomes() -> None:
    truth = np.zeros(20, int)
    clips = tuple(map(str, range(20)))
    runs = [
        Run('a', (Results(CLASSES, truth, np.repeat([0, 1], [11, 9]), clips=clips),)),
        Run('b', (Results(CLASSES, truth, np.repeat([1, 0], [1, 19]), clips=clips),)),
    ]
    _, row = compare(runs, 100)
    # 9 clips against 1: P(X <= 1 or X >= 9) of 10 fair coins.
    assert (row['only_this_right'], row['only_first_right']) == (9, 1)
    assert row['mcnemar_p'] == pytest.approx(22 / 1024)
    seeds = Run('seeds', runs[1].parts * 2)
    assert 'mcnemar_p' not in compare([runs[0], seeds], 100)[1]


@pytest.mark.parametrize(
    ('frames', 'video', 'packed'),
    [
        ('Clip/{:03}', 'c/{:03}.mp4', '{:03}.safetensors'),
        ('a.b/{:03}.v1', 'a.b/{:03}.v1.mp4', 'a.b/{:03}.v1.safetensors'),
        ('t#t=1.000,2.{:03}', 't.MP4#t=1.000,2.{:03}', 't#t=1.000,2.{:03}.safetensors'),
    ],
)
def test_frames_videos_and_packed_clips_of_any_place_are_compared(
    frames: str, video: str, packed: str
) -> None:
    templates = {frames: '/d/', video: '/e/', packed: '/f/c/'}
    runs = []
    for name, root in templates.items():
        parts = [results(each, template=root + name) for each in (range(5, 9), range(5))]
        runs.append(Run(name, tuple(parts)))
    assert len({tuple(run.clips) for run in runs}) == 1
    assert len(compare(runs, 100)) == 3


def test_runs_on_other_clips_are_refused_with_the_difference() -> None:
    base = Run('a', (results(range(30)),))
    fewer = Run('b', (results(range(28)),))
    for runs in ([base, fewer], [fewer, base]):
        with pytest.raises(ValueError, match=r'2 of the 30 of a .* among the 28 of b, such as 028'):
            compare(runs)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(classes=CLASSES[::-1]), 'a and b have different classes, pain, no pain, a_b and a_b'),
        (dict(clips=()), "b: its results do not name their clips: add 'filename'"),
        (dict(truth=np.zeros(30, int)), 'different labels for 18 clips, such as 001 .*and pain'),
    ],
)
def test_results_that_do_not_fit_are_refused(change: dict, said: str) -> None:
    base = results(range(30))
    other = Results(**{**vars(base), **change})
    with pytest.raises(ValueError, match=said):
        compare([Run('a', (base,)), Run('b', (other,))])


def two_runs() -> tuple[list[Run], list[dict]]:
    """Two runs, with figures that are easy to read."""
    parts = results(range(3)), results(range(3))
    figures: dict = {}
    for name in ('UAR', 'WAR', 'F1', *(f'recall/{name}' for name in CLASSES)):
        std = 1.5 if name in ('UAR', 'WAR', 'F1') else None
        figures |= {name: 50, f'{name}_std': std, f'{name}_low': 40, f'{name}_high': 60}
        figures |= {f'{name}_best': False}
    source = dict(checkpoint='best dfer/WAR, test clips', protocol='5 folds by subject')
    first = dict(run='a', clips=3, subjects=None, tests=2, **source, **figures)
    other = {**first, 'run': 'b_1', 'UAR': 80, 'UAR_std': None, 'UAR_best': True}
    for name in ('UAR', 'WAR', 'F1'):
        each = f'{name}_difference'
        other |= {each: 30, f'{each}_low': 20, f'{each}_high': 40, f'{each}_p': 0.0005}
    other |= dict(only_this_right=9, only_first_right=1, mcnemar_p=0.0215)
    return [Run('a', parts), Run('b_1', parts[:1])], [first, other]


def test_the_text_table_marks_what_is_significantly_best() -> None:
    lines = render(*two_runs(), 'text').splitlines()
    assert lines[0].split() == ['run', 'UAR', 'WAR', 'F1', 'checkpoint', 'protocol']
    assert lines[1].endswith(
        '50.00 ± 1.50 [40.0, 60.0]  best dfer/WAR, test clips  5 folds by subject'
    )
    assert lines[2].startswith('b_1  80.00* [40.0, 60.0]        50.00 ± 1.50')
    assert 'over 3 clips; mean ± standard deviation over 2 tests' in lines[3]
    tests = next(line for line in lines if line.startswith('b_1  WAR'))
    assert ' '.join(tests.split()) == 'b_1 WAR +30.00 [+20.0, +40.0] < 0.001 9 : 1, p 0.021'


def test_markdown_and_latex_show_it_in_bold_and_escape_names() -> None:
    markdown = render(*two_runs(), 'markdown').splitlines()
    assert markdown[1] == '| --- | --- | --- | --- | --- | --- |'
    assert markdown[3].startswith('| b_1 | **80.00** [40.0, 60.0] | 50.00 ± 1.50 [')
    latex = render(*two_runs(), 'latex')
    assert latex.startswith('% needs \\usepackage{booktabs}\n\\begin{tabular}')
    assert r'b\_1 & \textbf{80.00} [40.0, 60.0] & 50.00 $\pm$ 1.50 [' in latex
    assert r'& $<$ 0.001 & 9 : 1, p 0.021 ' in latex
    assert 'a\\_b & 0 & ' in latex
    assert all('±' not in line or line.startswith('% ') for line in latex.splitlines())
    assert latex.count(r'\begin{tabular}') == latex.count(r'\bottomrule') == 3


def test_csv_has_a_row_for_each_run_and_a_column_for_each_number() -> None:
    first, other = csv.DictReader(io.StringIO(render(*two_runs(), 'csv')))
    assert (first['run'], first['clips'], first['tests'], first['UAR_std']) == (
        'a',
        '3',
        '2',
        '1.5',
    )
    assert (first['UAR_difference'], other['UAR_difference']) == ('', '30')
    assert (other['recall/no pain_low'], other['mcnemar_p']) == ('40', '0.0215')
