import pytest
from mmaction.registry import DATASETS

from dferclip_mm.datasets.score_lists import parse_scores


@pytest.fixture
def build(tmp_path, frames, text):
    for name in ('one', 'two', 'three'):
        frames(tmp_path / 'clips' / name, 2, size=(8, 8))

    def build_scores(content, **kwargs):
        text(tmp_path / 'scores.csv', content)
        settings = dict(
            data_root=str(tmp_path),
            ann_file='scores.csv',
            data_prefix=dict(clips='clips'),
            pipeline=[],
        )
        return DATASETS.build(dict(type='ClipScoresDataset', **settings | kwargs))

    return build_scores


TABLE = 'clip,pain,mood,split\none,0.5,1,train\ntwo,-2e1,2,test\nthree,3,3.25,train\n'


def names_and_scores(dataset):
    items = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(item['filename'].rpartition('/')[2], item['scores']) for item in items]


def test_all_targets_of_one_split(build):
    dataset = build(TABLE, split='train')
    assert dataset.metainfo['targets'] == ('pain', 'mood')
    assert names_and_scores(dataset) == [('one', [0.5, 1.0]), ('three', [3.0, 3.25])]
    assert dataset.get_data_info(1)['ann_line'] == 4


def test_chosen_targets_in_their_order_and_all_splits(build):
    assert names_and_scores(build(TABLE, targets=['mood', 'pain']))[1] == ('two', [2.0, -20.0])
    assert names_and_scores(build(TABLE, targets='mood')) == [
        ('one', [1.0]),
        ('two', [2.0]),
        ('three', [3.25]),
    ]


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('clip,pain\none,1\ntwo,nan\n', r":3: expected a finite number for pain, found 'nan'"),
        ('clip,pain\none,\n', r":2: expected a finite number for pain, found ''"),
        ('clip,pain\none,1\ntwo,inf\n', r':3: expected a finite number'),
        ('clip,pain\none,1,2\n', r':2: expected 2 values, one for each column'),
        ('clip,pain\none\n', r':2: expected 2 values'),
        ('clip,pain\n,1\n', r":2: expected a clip below data_root without '..', found ''"),
        ('clip,pain\none,1\none,2\n', r':3: expected one scores for '),
        ('name,pain\none,1\n', r':1: expected a header with the columns clip, pain'),
        ('clip\none\n', r':1: expected a header with the columns clip, a target'),
        ('clip,pain,pain\none,1,1\n', r'each once'),
        ('', r"found 'an empty file'"),
        ('clip,pain\n', r'expected at least one clip, found none'),
        ('clip,pain\none,1\n"two"x,2\n', r':3: .* expected after'),
    ],
)
def test_a_malformed_file_is_refused_with_file_and_line(build, content, said):
    targets = ['pain'] if content.startswith('name') else ()
    with pytest.raises(
        ValueError, match=r'scores\.csv' + (said if said[0] == ':' else '.*' + said)
    ):
        build(content, targets=targets)


def test_a_clip_that_is_not_there_is_named_with_file_and_line(build):
    with pytest.raises(FileNotFoundError, match=r'first four \(.*scores\.csv:3\)'):
        build('clip,pain\none,1\nfour,2\n')
    with pytest.raises(ValueError, match=r"scores\.csv:2: expected a clip below .* '\.\./secret'"):
        build('clip,pain\n../secret,1\n')


def test_missing_files_split_and_column(build, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'expected a list at .*other\.csv'):
        build(TABLE, ann_file='other.csv')
    with pytest.raises(FileNotFoundError, match=r"data_prefix\['clips'\]='nowhere' is not a fol"):
        build(TABLE, data_prefix=dict(clips='nowhere'))
    with pytest.raises(ValueError, match="expected rows with split='val', found 'test', 'train'"):
        build(TABLE, split='val')
    with pytest.raises(ValueError, match='columns clip, calm'):
        build(TABLE, targets='calm')
    with pytest.raises(ValueError, match=r"unreadable='wrong' is for classes"):
        build(TABLE, test_mode=True, unreadable='wrong')


def test_quoted_values_may_hold_commas_and_no_line_break():
    targets, rows = parse_scores('clip, split, pain\r\n"a, b", "x\r\ny", 1\r\nc, x, 2\r\n', 'f')
    assert targets == ('pain',)
    rows = list(rows)
    assert [row.line for row in rows] == [2, 3, 4]
    assert str(rows[0]).startswith('f:2: expected a record of a CSV on one line')
    assert rows[2].clip == 'c'
    assert next(parse_scores('clip,pain\n"a, b",1', 'f')[1]).clip == 'a, b'


def test_scores_ride_in_the_sample(build):
    pipeline = [
        dict(type='ClipInit'),
        dict(type='SampleWindow', num_frames=4, test_mode=True),
        dict(type='ClipDecode'),
        dict(type='FormatShape', input_format='NCHW'),
        dict(type='PackActionInputs', algorithm_keys=('scores',)),
    ]
    sample = build(TABLE, pipeline=pipeline, split='test')[0]['data_samples']
    assert sample.scores == [-20.0, 2.0]
