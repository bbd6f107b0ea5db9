"""The lines on the protocol and on the batch size, word by word."""

import pytest
from clip_files import write_text
from mmaction.registry import DATASETS

from dferclip_mm.engine.checks.protocol import describe_test, find_batch_size_mismatch


def test_a_smaller_batch_is_warned_about_with_both_remedies():
    (said,) = find_batch_size_mismatch(dict(base_batch_size=48, enable=False), 6, 2)
    assert said == (
        'the learning rates are for a batch size of 48 (auto_scale_lr.base_batch_size), this run '
        'has 12 (6 clips x 2 processes): pass --batch-size 24, or scale the rates with '
        '--auto-scale-lr'
    )
    (accumulated,) = find_batch_size_mismatch(dict(base_batch_size=48), 6, 2, 2)
    assert 'x 2 processes x 2 accumulated iterations): pass --batch-size 12' in accumulated


@pytest.mark.parametrize(
    ('auto_scale_lr', 'batch_size'),
    [({}, 6), ({'base_batch_size': 48, 'enable': True}, 6), ({'base_batch_size': 48}, None)],
)
def test_nothing_is_warned_about_otherwise(auto_scale_lr, batch_size):
    assert not [*find_batch_size_mismatch(auto_scale_lr, batch_size, 1)]


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(folds=2), '2 folds by clip'),
        (dict(columns=dict(fold='movie')), 'folds by movie'),
        (dict(columns=dict(subject='movie', split='side')), 'split by side'),
        (dict(columns=dict(subject='movie'), test_fraction=0.5), '50% by movie'),
        ({}, 'lists of the dataset'),
    ],
)
def test_results_say_what_divides_the_clips_and_whether_frames_are_shuffled(
    settings, said, tmp_path
):
    rows = ('path,label,movie,side', 'a,pain,m,train', 'b,no pain,n,test')
    write_text(tmp_path / 'clips.csv', '\n'.join(rows))
    (tmp_path / 'clips').mkdir()
    own = dict(type='ClipListDataset', ann_file='clips.csv', data_root=str(tmp_path))
    own |= dict(data_prefix=dict(clips='clips'), lazy_init=True, test_mode=True, **settings)
    for shuffle, end in ((False, ''), (True, ', frames shuffled')):
        sampled = dict(type='SampleSegments', shuffle=shuffle)
        built = DATASETS.build(
            dict(type='ConcatDataset', datasets=[dict(own, pipeline=[sampled])], lazy_init=True)
        )
        assert describe_test(built) == said + end
