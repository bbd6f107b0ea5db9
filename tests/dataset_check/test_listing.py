"""All wrong lines of a list are found; what a run refuses is an error of the check as well."""

import pytest
from clip_files import write_video
from mini_corpora import write_clip, write_dfew, write_text
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import compare
from dferclip_mm.emotions import CORPUS_CLASSES

PIPELINE = [dict(type='ClipInit'), dict(type='SampleSegments', num_frames=2)]
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
    settings |= dict(captions=True, pipeline=PIPELINE)
    write_text(tmp_path / 'list.txt', '\n'.join(rows))
    _, found = examine(('train', settings))
    assert errors(found) == [('two captions', [1, 2])]
    with pytest.raises(ValueError, match='expected one text'):
        DATASETS.build(settings)
    # Where captions are not read, it is the same line twice.
    _, found = examine(('train', {**settings, 'captions': False}))
    assert errors(found) == []


def test_the_max_pixels_of_a_nested_clip_init_count(tmp_path, video, examine):
    video(tmp_path / 'clip.mp4', 24)
    write_text(tmp_path / 'list.txt', 'clip 24 1')
    inner = [dict(type='ClipInit', max_pixels=100), *PIPELINE[1:]]
    nested = [dict(type='KeyMapper', transforms=inner, auto_remap=False)]
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt')
    _, found = examine(('train', {**settings, 'pipeline': nested}))
    assert errors(found) == [('undecodable', [1])]


def test_clips_without_labels_are_listed(tmp_path, examine):
    write_dfew(tmp_path, num_frames=2)
    write_text(tmp_path / 'clips.txt', '2\n4\n5000\n')
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='clips.txt')
    settings |= dict(labelled=False, test_mode=True, pipeline=PIPELINE)
    (split,), found = examine(('test', settings))
    assert (split.count().total(), split.classes) == (3, ())
    assert [(each.kind, each.clip) for each in found if each.kind != 'no face crop?'] == [
        ('missing clip', '5000')
    ]


@pytest.mark.parametrize('fold', [None, 1])
def test_training_and_testing_on_two_folds_is_an_error(tmp_path, examine, fold):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    write_text(root / LIST.format('test', 2), '1,1\n')
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    named = (('train', {**settings, 'fold': 1}), ('test', {**settings, 'split': 'test', 'fold': 2}))
    _, found = examine(*named, fold=fold)
    # A run of one fold takes neither from the config.
    assert errors(found) == ([('train and test', [2])] if fold is None else [])


def test_a_fold_is_compared_with_itself_only(tmp_path, examine):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    train, test = (root / LIST.format(split, 2) for split in ('train', 'test'))
    train_text = train.read_text()
    write_text(train, test.read_text())
    write_text(test, train_text)
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
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
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), compound=True, pipeline=PIPELINE)
    (split,), found = examine(('train', {**settings, 'exclude_classes': ['disgust_fear']}))
    assert errors(found) == [('list line', [2]), ('list line', [4])]
    assert split.classes == ('fear', 'anger_fear')


def test_frame_counts_of_lists_are_compared_with_the_clips(tmp_path, examine):
    write_dfew(tmp_path, num_frames=3)
    rows = [f'/someone/else/{2 * n + 1:05} {4 if n == 2 else 3} {n}' for n in range(7)]
    write_text(tmp_path / 'list.txt', '\n'.join([*rows, '/x/00001 0 0', '/x/00001 three 0']))
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt')
    _, found = examine(('train', {**settings, 'pipeline': PIPELINE}))
    assert errors(found) == [('list line', [8]), ('list line', [9])]
    (wrong,) = [each for each in found if each.kind == 'frame count']
    assert wrong.message == 'the list counts 4 frames, 3 are there'
    assert wrong.clip == str(tmp_path / 'Clip/clip_224x224/00005')


def test_excluded_classes_are_no_finding(tmp_path, examine):
    write_dfew(tmp_path, num_frames=2)
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), pipeline=PIPELINE)
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


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize(
    ('counts', 'said'),
    [
        (shifted(0), None),
        (shifted(-1), 'the first label is one less than it is read as: set labels=dict(first=...)'),
        (shifted(1), 'the first label is one more than it is read as: set labels=dict(first=...)'),
        (shifted(0, 1), None),
        ([*zip(range(7, 0, -1), DFEW_TEST.values(), strict=True)], 'other classes: another order?'),
        ([(n, 3) for n in range(1, 8)], None),
        ([(1, 5), (2, 2)], None),
    ],
)
def test_labels_that_are_shifted_against_the_published_counts_are_an_error(
    tmp_path, examine, split, counts, said
):
    (tmp_path / 'Clip/clip_224x224').mkdir(parents=True)
    labels = [label for label, count in counts for _ in range(count)]
    rows = [f'{clip},{label}' for clip, label in enumerate(labels, 1)]
    write_text(tmp_path / LIST.format(split, 1), '\n'.join(['video_name,label', *rows]))
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), split=split, pipeline=PIPELINE)
    _, found = examine((split, settings))
    wrong = [each.message for each in found if each.kind == 'label order']
    assert len(wrong) == (said is not None)
    if said:
        assert wrong[0].endswith(said)
    # Once it is said, the same list is as published.
    if said and 'less' in said:
        _, found = examine((split, {**settings, 'labels': dict(first=0)}))
        assert 'label order' not in {each.kind for each in found}


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
