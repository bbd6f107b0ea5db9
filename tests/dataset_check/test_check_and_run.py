"""What a run refuses is an error of the check as well."""

import pytest
from mini_corpora import write_clip, write_dfew, write_text
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import compare

PIPELINE = [dict(type='ClipInit'), dict(type='SampleSegments', num_frames=2)]


def errors(found):
    """(kind, lines) of the errors."""
    return [
        (each.kind, [line for _, line in each.places]) for each in found if each.severity == 'error'
    ]


@pytest.fixture
def scores(tmp_path):
    for name in 'abc':
        write_clip(tmp_path / f'data/{name}', 2, 'jpg')
    return dict(
        type='ClipScoresDataset',
        data_root=str(tmp_path / 'data'),
        ann_file='scores.csv',
        pipeline=PIPELINE,
    )


@pytest.mark.parametrize(
    ('table', 'chosen', 'expected'),
    [
        ('a,1\nb,2\n', 'a\nnosuch\nb\n', [('missing clip', [2])]),
        ('a,1\nb,2\n', 'a\nc\nb\n', [('clip without scores', [2])]),
        ('a,1\nb,2\n', 'a\n../b\n', [('list line', [2])]),
        ('a,1\nb,2\na,3\n', '', [('two labels', [2, 4])]),
        ('a,1\nb,2\n', '\n', [('settings', [0])]),
        ('b,nan\n', '', [('list line', [2]), ('settings', [0])]),
    ],
)
def test_wrong_scores_are_errors_of_check_and_run(
    tmp_path, scores, examine_splits, table, chosen, expected
):
    write_text(tmp_path / 'data/scores.csv', f'clip,pain\n{table}')
    if chosen:
        write_text(tmp_path / 'data/chosen.txt', chosen)
        scores['clip_list'] = 'chosen.txt'
    _, found = examine_splits(('train', scores))
    assert errors(found) == expected
    with pytest.raises((ValueError, FileNotFoundError), match=r'\.(csv|txt)'):
        DATASETS.build(scores)


@pytest.mark.parametrize('wrong', [dict(split='val'), dict(ann_file='x.csv'), dict(targets='calm')])
def test_wrong_settings_of_scores_are_errors_of_check_and_run(
    tmp_path, scores, examine_splits, wrong
):
    write_text(tmp_path / 'data/scores.csv', 'clip,pain,split\na,1,train\nb,nan,train\n')
    _, found = examine_splits(('train', {**scores, **wrong}))
    assert 'settings' in [kind for kind, _ in errors(found)]
    with pytest.raises((ValueError, FileNotFoundError)):
        DATASETS.build({**scores, **wrong})


def test_a_clip_with_two_captions_is_an_error(tmp_path, examine_splits):
    for number in (1, 2):
        write_clip(tmp_path / f'data/faces/{number}', 2, 'png')
    rows = ('1\tanger\tx\tone', '1\tanger\tx\ttwo', '2\tfear\tx\tb', '2\tfear\ty\tb')
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), ann_file='list.txt')
    settings |= dict(captions=True, pipeline=PIPELINE)
    write_text(tmp_path / 'list.txt', '\n'.join(rows))
    _, found = examine_splits(('train', settings))
    assert errors(found) == [('two captions', [1, 2])]
    with pytest.raises(ValueError, match='expected one text'):
        DATASETS.build(settings)
    # Where captions are not read, it is the same line twice.
    _, found = examine_splits(('train', {**settings, 'captions': False}))
    assert errors(found) == []


def test_the_max_pixels_of_a_nested_clip_init_count(tmp_path, video, examine_splits):
    video(tmp_path / 'clip.mp4', 24)
    write_text(tmp_path / 'list.txt', 'clip 24 1')
    inner = [dict(type='ClipInit', max_pixels=100), *PIPELINE[1:]]
    nested = [dict(type='KeyMapper', transforms=inner, auto_remap=False)]
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt')
    splits, found = examine_splits(('train', {**settings, 'pipeline': nested}))
    assert errors(found) == [('undecodable', [1])]
    assert splits[0].frames == 2


@pytest.mark.parametrize('fold', [None, 1])
def test_training_and_testing_on_two_folds_is_an_error(tmp_path, examine_splits, fold):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    path = 'EmoLabel_DataSplit/{}(single-labeled)/set_2.csv'
    write_text(root / path.format('test'), '1,1\n')
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    named = (('train', {**settings, 'fold': 1}), ('test', {**settings, 'split': 'test', 'fold': 2}))
    _, found = examine_splits(*named, fold=fold)
    # A run of one fold takes neither from the config.
    expected = [('train and test', [2])] if fold is None else []
    assert errors(found) == expected


def test_a_fold_is_compared_with_itself_only(tmp_path, examine_splits):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    path = 'EmoLabel_DataSplit/{}(single-labeled)/set_2.csv'
    swapped = [(root / path.format(split)).read_text() for split in ('test', 'train')]
    for split, text in zip(('train', 'test'), swapped, strict=True):
        write_text(root / path.format(split), text)
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    train, test = (('train', settings), ('test', {**settings, 'split': 'test'}))
    splits = [split for fold in (1, 2) for split in examine_splits(train, test, fold=fold)[0]]
    assert [split.run for split in splits] == [1, 1, 2, 2]
    assert errors(compare(splits, {})) == []
