"""All wrong lines of a list are found; what a run refuses is an error of the check as well."""

import pytest
from clip_files import read_steps, write_text, write_video
from mini_corpora import write_clip, write_dfew
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import compare, read_split
from dferclip_mm.dataset_check.listing import MAX_LINES
from dferclip_mm.emotions import CORPUS_CLASSES

LIST = 'EmoLabel_DataSplit/{}(single-labeled)/set_{}.csv'


def errors(found):
    """(kind, lines) of the errors."""
    return [
        (each.kind, [line for _, line in each.places]) for each in found if each.severity == 'error'
    ]


@pytest.mark.parametrize(
    ('table', 'wrong', 'expected'),
    [
        ('a,1\nb,2\na,3\n', {}, [('two labels', [2, 4])]),
        ('b,nan\n', {}, [('list line', [2]), ('settings', [0])]),
        ('a,1\n../b,2\n', {}, [('list line', [3])]),
        ('a,1\nnosuch,2\n', {}, [('missing clip', [3])]),
        ('a,1\n', dict(columns=dict(path='clip', split='set')), [('settings', [])]),
        ('a,1\n', dict(ann_file='x.csv'), [('settings', [])]),
        ('a,1\n', dict(columns=dict(path='clip', scores='calm')), [('settings', [])]),
    ],
)
def test_wrong_scores_are_errors_of_check_and_run(
    tmp_path, scores, examine, table, wrong, expected
):
    write_text(tmp_path / 'data/scores.csv', f'clip,pain\n{table}')
    _, found = examine(('train', {**scores, **wrong}))
    assert errors(found) == expected
    with pytest.raises((ValueError, FileNotFoundError), match=r'\.csv'):
        DATASETS.build({**scores, **wrong})


def test_a_clip_with_two_captions_is_an_error(tmp_path, examine):
    for number in (1, 2):
        write_clip(tmp_path / f'data/faces/{number}', 2, 'png')
    rows = ('1\tanger\tx\tone', '1\tanger\tx\ttwo', '2\tfear\tx\tb', '2\tfear\ty\tb')
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), ann_file='list.txt')
    settings |= dict(captions=True, pipeline=read_steps())
    write_text(tmp_path / 'list.txt', '\n'.join(rows))
    _, found = examine(('train', settings))
    assert errors(found) == [('two captions', [1, 2])]
    with pytest.raises(ValueError, match='expected one text'):
        DATASETS.build(settings)
    # Where captions are not read, it is the same line twice.
    _, found = examine(('train', {**settings, 'captions': False}))
    assert errors(found) == []


def test_clips_without_labels_are_listed(tmp_path, examine):
    write_dfew(tmp_path, num_frames=2)
    write_text(tmp_path / 'clips.txt', '2\n4\n5000\n')
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='clips.txt')
    settings |= dict(labelled=False, test_mode=True, pipeline=read_steps())
    (split,), found = examine(('test', settings))
    assert (split.count().total(), split.classes) == (3, ())
    assert [(each.kind, each.clip) for each in found if each.kind != 'no face crop?'] == [
        ('missing clip', '5000')
    ]


def test_a_fold_is_compared_with_itself_only(tmp_path, examine):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    train, test = (root / LIST.format(split, 2) for split in ('train', 'test'))
    train_text = train.read_text()
    write_text(train, test.read_text())
    write_text(test, train_text)
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=read_steps())
    named = (('train', settings), ('test', {**settings, 'split': 'test'}))
    splits = [split for fold in (1, 2) for split in examine(*named, fold=fold)[0]]
    assert [split.run for split in splits] == [1, 1, 2, 2]
    assert errors(compare(splits, {})) == []


def test_wrong_lines_of_compound_lists_are_found(tmp_path, examine):
    rows = dict(
        train='1.mp4 anger_fear\n2.mp4 angr\n3.mp4 fear\n4.mp4 fear_',
        test='5.mp4 disgust_fear\n6.mp4 sad_',
    )
    for split, text in rows.items():
        write_text(tmp_path / f'Train & Test Set/compound/no_caption/set_1/{split}.txt', text)
    for number in range(1, 7):
        write_clip(tmp_path / f'data/faces/{number}', 2, 'png')
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), compound=True)
    settings |= dict(pipeline=read_steps())
    (split,), found = examine(('train', {**settings, 'exclude_classes': ['disgust_fear']}))
    assert errors(found) == [('list line', [2]), ('list line', [4])]
    assert split.classes == ('fear', 'anger_fear')


def test_frame_counts_of_lists_are_compared_with_the_clips(tmp_path, examine):
    write_dfew(tmp_path, num_frames=3)
    rows = [f'/someone/else/{2 * n + 1:05} {4 if n == 2 else 3} {n}' for n in range(7)]
    write_text(tmp_path / 'list.txt', '\n'.join([*rows, '/x/00001 0 0', '/x/00001 three 0']))
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt')
    _, found = examine(('train', {**settings, 'pipeline': read_steps()}))
    assert errors(found) == [('list line', [8]), ('list line', [9])]
    (wrong,) = [each for each in found if each.kind == 'frame count']
    assert wrong.message == 'the list counts 4 frames, 3 are there'
    assert wrong.clip == str(tmp_path / 'Clip/clip_224x224/00005')


def test_excluded_classes_are_no_finding(tmp_path, examine):
    write_dfew(tmp_path, num_frames=2)
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), pipeline=read_steps())
    (split,), found = examine(('train', {**settings, 'exclude_classes': ['fear']}))
    assert len(split.clips) == 6
    # Of a part of the classes, no number is published.
    kinds = {each.kind for each in found}
    assert not kinds & {'class without clips', 'published counts'}
    assert 'published counts' in {each.kind for each in examine(('train', settings))[1]}


DFEW_TEST = dict(zip(CORPUS_CLASSES['dfew'], (489, 379, 534, 435, 294, 29, 181), strict=True))


def shifted(by, clips=10):
    """Tenths of DFEW's published test clips, as if each label were read that much too high."""
    names = [*DFEW_TEST]
    pairs = [(place + by, DFEW_TEST[name] // clips) for place, name in enumerate(names)]
    return [(place + 1, count) for place, count in pairs if 0 <= place < 7]


@pytest.mark.parametrize(
    ('counts', 'said'),
    [
        (shifted(0), None),
        (shifted(-1), 'the first label is one less than it is read as: set labels=dict(first=...)'),
        (shifted(1), 'the first label is one more than it is read as: set labels=dict(first=...)'),
        ([*zip(range(7, 0, -1), DFEW_TEST.values(), strict=True)], 'other classes: another order?'),
        ([(1, 5), (2, 2)], None),
    ],
)
def test_labels_that_are_shifted_against_the_published_counts_are_an_error(
    tmp_path, examine, counts, said
):
    (tmp_path / 'Clip/clip_224x224').mkdir(parents=True)
    labels = [label for label, count in counts for _ in range(count)]
    rows = [f'{clip},{label}' for clip, label in enumerate(labels, 1)]
    write_text(tmp_path / LIST.format('test', 1), '\n'.join(rows))
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), split='test')
    settings |= dict(pipeline=read_steps())
    _, found = examine(('test', settings))
    wrong = [each.message for each in found if each.kind == 'label order']
    assert len(wrong) == (said is not None)
    assert all(message.endswith(said) for message in wrong)
    # Once it is said, the same list is as published.
    if said and 'less' in said:
        _, found = examine(('test', {**settings, 'labels': dict(first=0)}))
        assert 'label order' not in {each.kind for each in found}


def test_a_list_of_another_form_is_reported_once(tmp_path):
    write_dfew(tmp_path, num_frames=2)
    write_text(tmp_path / LIST.format('train', 1), 'video_name;label\n' + '1;1\n' * 2 * MAX_LINES)
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), pipeline=read_steps())
    split, found = read_split(settings, 'train')
    assert split.clips == ()
    assert [each.kind for each in found] == ['list line'] * MAX_LINES + ['settings'] * 2
    assert found[-2].message.endswith('are named: a list of another form?')


def test_own_lists_are_compared_by_subject_and_by_part(tmp_path, examine):
    write_video(tmp_path / 'clips/talk.avi', 40)
    header = 'path,label,who,from,to\n'
    write_text(tmp_path / 'train.csv', f'{header}talk,pain,ann,0,0.4\ntalk,calm,bob,0.4,0.8\n')
    write_text(tmp_path / 'test.csv', f'{header}talk,pain,ann,0.8,1.2\ntalk,calm,cy,1.2,9\n')
    settings = dict(
        type='ClipListDataset',
        data_root=str(tmp_path),
        data_prefix=dict(clips='clips'),
        columns=dict(subject='who', start='from', end='to'),
        metainfo=dict(classes=['pain', 'calm', 'joy']),
        pipeline=[dict(type='ClipInit')],
    )
    _, found = examine(
        ('train', {**settings, 'ann_file': 'train.csv'}),
        ('test', {**settings, 'ann_file': 'test.csv', 'split': 'test', 'test_mode': True}),
    )
    assert errors(found) == [('list line', [3]), ('subject in train and test', [2])]
    assert [each.kind for each in found].count('class without clips') == 3
