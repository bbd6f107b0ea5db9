"""Folds, shares and held-out clips of one list: who is where, as literal values."""

import itertools
import re

import numpy as np
import pytest
from clip_files import write_frames, write_text
from mmaction.registry import DATASETS

from dferclip_mm.datasets.splits import group_folds, hold_out, stratified_holdout, take_share

LABELS = [*'aab'] * 6
GROUPS = [f'p{number // 3}' for number in range(18)]


@pytest.fixture
def build(tmp_path):
    """Six people with two clips of one class and one of the other."""
    for number in range(18):
        write_frames(tmp_path / f'{number}', 1)

    def build_split(content=None, **settings):
        rows = [
            f'{number},{LABELS[number]},{GROUPS[number]},'
            + ('test,1' if number < 3 else 'val,2' if number < 6 else 'train,10')
            for number in range(18)
        ]
        write_text(tmp_path / 'list.csv', content or '\n'.join(['path,label,who,part,set', *rows]))
        kind = dict(type='ClipListDataset', data_root=str(tmp_path), ann_file='list.csv')
        return DATASETS.build(dict(**kind, pipeline=[]) | settings)

    return build_split


def people(dataset):
    found = {dataset.get_data_info(index)['filename'] for index in range(len(dataset))}
    return sorted({GROUPS[int(name.rpartition('/')[2])] for name in found})


def test_folds_are_the_same_on_every_machine():
    assert group_folds(LABELS, GROUPS, 3, seed=0)[::3].tolist() == [3, 3, 2, 1, 1, 2]
    assert group_folds(LABELS, GROUPS, 3, seed=1)[::3].tolist() == [3, 2, 2, 1, 1, 3]
    # In another order of the list each person stays.
    turned = group_folds(LABELS[::-1], GROUPS[::-1], 3, seed=0)
    assert turned[::-1][::3].tolist() == [3, 3, 2, 1, 1, 2]


def test_a_share_is_taken_by_whole_people_or_exactly_by_class():
    held = hold_out(LABELS, GROUPS, 0.35, seed=0)
    assert np.unique(np.array(GROUPS)[held]).size == 2
    alone = hold_out(LABELS, [*map(str, range(18))], 0.25, seed=0)
    # A quarter of 12 and of 6, rounded to even.
    assert ''.join(sorted(np.array(LABELS)[alone])) == 'aaabb'


def test_a_column_names_the_split_or_the_fold(build):
    columns = dict(subject='who', split='part')
    assert people(build(columns=columns, split='test')) == ['p0']
    assert people(build(columns=columns, split='validation')) == ['p1']
    assert people(build(columns=columns)) == ['p2', 'p3', 'p4', 'p5']
    # 1, 2, 10: the third fold is 10.
    columns = dict(subject='who', fold='set')
    assert people(build(columns=columns, split='test', fold=3)) == ['p2', 'p3', 'p4', 'p5']
    assert people(build(columns=columns, fold=3)) == ['p0', 'p1']


def test_one_subject_is_left_out_by_its_column(build):
    settings = dict(columns=dict(subject='who', fold='who'), data_root='', type='ClipListDataset')
    dataset = build(columns=settings['columns'], fold=2, split='test')
    assert people(dataset) == ['p1']
    known = dict(
        type='ClipListDataset',
        data_root=str(dataset.root),
        ann_file='list.csv',
        columns=settings['columns'],
    )
    assert type(dataset).count_folds(known) == 6


def test_held_out_people_are_of_the_training_people(build):
    given = dict(columns=dict(subject='who'), test_fraction=0.33, val_fraction=0.5)
    sides = [people(build(**given, split=name)) for name in ('train', 'validation', 'test')]
    assert [len(side) for side in sides] == [2, 2, 2]
    assert len(set(map(tuple, sides))) == 3
    assert sorted(itertools.chain(*sides)) == [f'p{number}' for number in range(6)]


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(columns=dict(subject='who'), folds=7), 'expected from 2 to 6 folds, one for each s'),
        (
            dict(columns=dict(subject='who'), folds=3, fold=4),
            'expected a fold from 1 to 3, found 4',
        ),
        (dict(columns=dict(fold='set'), fold=4), 'expected a fold from 1 to 3, found 4'),
        (dict(fold=2), 'expected a fold 1, unless folds or columns.fold, found 2'),
        (dict(columns=dict(fold='set'), folds=3), 'columns.fold and folds divide the clips'),
        (dict(split='validation'), "split='validation' needs val_fraction, such as 0.2, or a col"),
        (dict(test_fraction=0.7), 'expected a share above 0 and at most 0.5, such as 0.2'),
        (
            dict(columns=dict(split='part'), val_fraction=0.2),
            'the list has validation clips of its own: leave out val_fraction',
        ),
        (
            dict(columns=dict(split='set')),
            "list.csv:2: expected train, validation or test, found '1'",
        ),
        (dict(columns=dict(subject='who', fold='part'), fold=2, split='validation'), 'needs val_'),
    ],
)
def test_what_cannot_be_divided_is_refused(build, settings, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        build(**settings)


@pytest.mark.parametrize(('share', 'taken'), [(0.5, 4), (0.25, 2), (0.75, 6)])
def test_a_share_of_clips_is_one_of_whole_subjects(share, taken):
    labels, subjects = [0, 1] * 16, [f's{number // 4}' for number in range(32)]
    chosen = take_share(labels, subjects, share)
    both = {*np.array(subjects)[chosen]} & {*np.array(subjects)[~chosen]}
    assert not both
    assert len({*np.array(subjects)[chosen]}) == taken
    assert take_share(labels, [], share).sum() == 4 * taken


def test_every_class_gives_its_share():
    labels = np.repeat([0, 1, 2, 3], [40, 10, 3, 1])
    chosen = stratified_holdout(labels, 0.1, seed=0)
    assert np.bincount(labels[chosen], minlength=4).tolist() == [4, 1, 1, 0]


def test_training_and_validation_of_a_corpus_share_the_list_and_no_clip(tmp_path):
    rows = [f'{number},{number % 7 + 1}' for number in range(1, 43)]
    for number in range(1, 43):
        write_frames(tmp_path / f'Clip/clip_224x224/{number:05}', 1)

    def clips(rows, **settings):
        write_text(tmp_path / 'list.csv', '\n'.join(rows))
        settings |= dict(data_root=str(tmp_path), ann_file='list.csv', pipeline=[])
        dataset = DATASETS.build(dict(type='DFEWDataset', **settings))
        return {dataset.get_data_info(index)['filename'] for index in range(len(dataset))}

    everything, train = clips(rows), clips(rows, val_fraction=0.34)
    validation = clips(rows, val_fraction=0.34, split='validation')
    assert (len(everything), len(validation)) == (42, 14)
    assert not train & validation
    assert train | validation == everything
    # A clip that is listed twice is on one side only.
    assert clips(rows * 2, val_fraction=0.34) == train
    assert validation != clips(rows, val_fraction=0.34, split='validation', val_seed=1)
