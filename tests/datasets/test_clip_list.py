"""Clips of one's own: from any table or from class folders, and what is refused."""

import json
import logging

import numpy as np
import pandas
import pytest
from clip_files import PACK, read_steps, write_frames, write_text, write_video
from mmaction.registry import DATASETS
from mmengine.logging import MMLogger

PIPELINE = read_steps(2, *PACK)
ROWS = [('b/1', 'pain', 'ann'), ('b/2', 'no pain', 'ann'), ('b/3', 'pain', 'bob')]


@pytest.fixture
def root(tmp_path):
    for number in (1, 2, 3):
        write_frames(tmp_path / f'clips/b/{number}', 2)
    return tmp_path


@pytest.fixture
def build(root):
    def build_own(content=None, name='list.csv', **settings):
        if content is not None:
            write_text(root / name, content)
        given = dict(
            data_root=str(root), ann_file=name, data_prefix=dict(clips='clips'), pipeline=[]
        )
        return DATASETS.build(dict(type='ClipListDataset', **given | settings))

    return build_own


def items(dataset):
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def names(dataset):
    return [item['filename'].rpartition('clips/')[2] for item in items(dataset)]


def write_rows(root, suffix):
    frame = pandas.DataFrame(ROWS, columns=['path', 'label', 'subject'])
    path = root / f'list.{suffix}'
    if suffix == 'parquet':
        frame.to_parquet(path)
    elif suffix == 'xlsx':
        frame.to_excel(path, index=False)
    elif suffix == 'jsonl':
        write_text(path, '\n'.join(json.dumps(row) for row in frame.to_dict('records')))
    else:
        mark = '\t' if suffix == 'tsv' else ','
        lines = [frame.columns, *ROWS]
        write_text(path, '\n'.join(mark.join(line) for line in lines))
    return path.name


@pytest.mark.parametrize(
    ('suffix', 'line'), [('csv', 2), ('tsv', 2), ('xlsx', 2), ('jsonl', 1), ('parquet', 1)]
)
def test_every_kind_of_table_gives_the_same_clips(root, build, suffix, line):
    dataset = build(name=write_rows(root, suffix), columns=dict(subject='subject'))
    assert dataset.metainfo['classes'] == ('no pain', 'pain')
    assert [
        (item['filename'].rpartition('clips/')[2], item['label'], item['subject'], item['ann_line'])
        for item in items(dataset)
    ] == [
        ('b/1', 1, 'ann', line),
        ('b/2', 0, 'ann', line + 1),
        ('b/3', 1, 'bob', line + 2),
    ]


def test_class_folders_take_the_place_of_a_list(build, root):
    write_frames(root / 'own/pain/2', 2)
    write_video(root / 'own/pain/10.mp4')
    write_video(root / 'own/calm/1.avi')
    write_text(root / 'own/calm/notes.txt', 'no clip')
    dataset = build(ann_file='', data_prefix=dict(clips='own'))
    assert dataset.metainfo['classes'] == ('calm', 'pain')
    found = [(item['filename'].rpartition('own/')[2], item['label']) for item in items(dataset)]
    assert found == [('calm/1.avi', 0), ('pain/2', 1), ('pain/10.mp4', 1)]
    with pytest.raises(ValueError, match=r"own/calm: expected one of pain, joy .*, found 'calm'"):
        build(ann_file='', data_prefix=dict(clips='own'), metainfo=dict(classes=['pain', 'joy']))


def test_the_classes_of_the_list_are_sorted_and_logged(build, caplog):
    logger = MMLogger.get_instance('own_clips')
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, logger.name)
    build('path,label\nb/1,pain\nb/2,calm\n', exclude_classes='pian')
    assert 'list.csv: classes, sorted: calm, pain' in caplog.text
    assert 'list.csv: exclude_classes: no clips of pian' in caplog.text


def test_columns_have_any_names_and_paths_may_be_absolute(build, root):
    content = f'file;x,what\n{root}/clips/b/1,pain\n"b\\2",calm\n'
    dataset = build(content, columns=dict(path='file;x', label='what'))
    assert names(dataset) == ['b/1', 'b/2']
    other = 'path,label\n/home/ann/study/clips/b/3,pain\nC:\\study\\b\\1,calm\n'
    assert names(build(other)) == ['b/3', 'b/1']


def test_numbers_are_labels_with_a_stated_base_only(build):
    content = 'path,label\nb/1,1\nb/2,2\nb/3,2\n'
    two = dict(classes=['calm', 'pain'])
    given = build(content, labels=dict(first=1), metainfo=two)
    assert [item['label'] for item in items(given)] == [0, 1, 1]
    ordered = build(content, labels=dict(first=1, order=['pain', 'calm']), metainfo=two)
    assert [item['label'] for item in items(ordered)] == [1, 0, 0]
    named = build(content, metainfo=dict(classes=['2', '1']))
    assert [item['label'] for item in items(named)] == [1, 0, 0]
    with pytest.raises(ValueError, match=r"list\.csv:2: .* labels=dict\(first=\.\.\.\).* '1'"):
        build(content)
    with pytest.raises(ValueError, match=r'list\.csv:2: .* 0 \(calm\) to 1 \(pain\)'):
        build(content.replace(',1', ',2'), labels=dict(first=0), metainfo=two)


def test_words_for_one_emotion_are_one_class_and_classes_can_be_merged(build):
    content = 'path,label\nb/1,Happy\nb/2,joyful\nb/3,Anger\n'
    settings = dict(
        metainfo=dict(classes=['happiness', 'anger']), class_map=dict(joyful='happiness')
    )
    assert [item['label'] for item in items(build(content, **settings))] == [0, 0, 1]
    left = build(content, metainfo=dict(classes=['happiness', 'anger']), exclude_classes='joyful')
    assert names(left) == ['b/1', 'b/3']


def test_captions_weights_votes_and_scores_come_from_their_columns(build):
    content = (
        'path,label,text,w,calm,pain,age\n'
        'b/1,pain,"A frown, and a tear.",2,1,3,20\nb/2,calm,,1,4,0,30.5\nb/3,,Tears.,0.5,0,5,40\n'
    )
    columns = dict(caption='text', weight='w', votes=['calm', 'pain'], scores='age')
    dataset = build(
        content, columns=columns, pipeline=PIPELINE, metainfo=dict(classes=['pain', 'calm'])
    )
    assert dataset.metainfo['targets'] == ('age',)
    first, second, third = items(dataset)
    assert first['text'] == 'A frown, and a tear.'
    assert (first['label'], first['votes'], first['weight']) == (0, [0.75, 0.25], 2.0)
    assert (second['label'], second['scores'], second['text']) == (1, [30.5], '')
    # No label, but votes: the class with the most is for balancing.
    assert (third['label'], third['votes']) == (0, [1.0, 0.0])
    assert dataset[0]['data_samples'].gt_label.tolist() == [1.5, 0.5]
    tested = build(content, columns=columns, pipeline=PIPELINE, test_mode=True)
    assert tested[0]['data_samples'].gt_label.tolist() == [1]
    weighted = build(content, columns=dict(weight='w', votes=['calm', 'pain']), pipeline=PIPELINE)
    assert weighted[2]['data_samples'].gt_label.tolist() == [0.0, 0.5]
    with_caption = build(content, columns=columns, require_caption=True)
    assert names(with_caption) == ['b/1', 'b/3']


def test_clips_without_labels_need_no_column(build):
    dataset = build('path\nb/1\nb/2\n', columns=dict(label=None), test_mode=True, pipeline=PIPELINE)
    assert 'label' not in items(dataset)[0]
    assert 'gt_label' not in dataset[0]['data_samples']


def test_parts_of_a_longer_video_are_clips(build, root):
    write_video(root / 'clips/talk.avi', 20, size=(48, 64))
    content = 'path,label,from,to\ntalk,pain,0,0.4\ntalk.avi,calm,0.4,0.8\nb/1,calm,,\n'
    columns = dict(start='from', end='to')
    dataset = build(content, columns=columns, pipeline=PIPELINE)
    assert names(dataset) == ['talk.avi#t=0.000,0.400', 'talk.avi#t=0.400,0.800', 'b/1']
    levels = [dataset[index]['inputs'].float().mean((1, 2, 3)) for index in (0, 1)]
    # The middle frames of five: 2 and 7 of 0 to 9, and of 10 to 19.
    np.testing.assert_allclose(levels[0], [20, 70], atol=4)
    np.testing.assert_allclose(levels[1], [120, 170], atol=4)
    for row, said in {
        'talk,pain,0.5,0.4': r'list\.csv:2: expected a start before the end, .*0\.5 and 0\.4',
        'talk,pain,0.5,9': r'list\.csv:2: .* within the 0\.800 seconds of talk, found .0\.5 and 9',
        'talk,pain,0.8,0.9': r'within the 0\.800 seconds',
        'talk,pain,x,1': r"list\.csv:2: expected a finite number .* for start and end, found 'x'",
        'b/1,pain,0,1': r'list\.csv:2: expected a video with ClipInit for start and end',
    }.items():
        with pytest.raises(ValueError, match=said):
            build(f'path,label,from,to\n{row}\nb/2,calm,,\n', columns=columns)


GOOD = 'path,label\nb/1,pain\nb/2,calm\n'


@pytest.mark.parametrize(
    ('content', 'settings', 'said'),
    [
        (GOOD, dict(columns=dict(subject='who')), r"list\.csv:1: expected the column 'who' for su"),
        (GOOD, dict(columns=dict(wrong='x')), r'some of path, label, subject, split'),
        (GOOD, dict(columns=dict(start='x')), 'start with end'),
        (GOOD, dict(labels=dict(first=0)), 'name them in labels.order or metainfo.classes'),
        (GOOD, dict(require_caption=True), r'needs columns=dict\(caption=\)'),
        (GOOD, dict(include_classes='pian'), r"'pian' is not a class: did you mean 'pain'"),
        ('path,label\nb/1,pain\nb/2,\n', {}, r"list\.csv:3: expected a label in the column 'labe"),
        (
            GOOD,
            dict(metainfo=dict(classes=['pain', 'joy'])),
            r"list\.csv:3: expected one of pain, joy .*exclude_classes.* found 'calm'",
        ),
        ('path,label\nb/1,pain\nb/2,pain\n', {}, 'list.csv: expected two classes or more, found'),
        (
            'path,label\nb/1,pain\n',
            dict(metainfo=dict(classes=['pain', 'joy'])),
            'training clips of two classes or more, found 1 of pain only',
        ),
        ('path,label,a,b\nb/1,x,0,0\n', dict(columns=dict(votes=['a', 'b'])), r'csv:2: .*a vote'),
        ('path,label,a\nb/1,x,-1\n', dict(columns=dict(votes=['a'])), r'csv:2: .*of at least 0'),
        ('path,label,path\nb/1,x,1\n', {}, r'list\.csv:1: expected a header that names each colu'),
        ('path,label\nb/1\n', {}, r'list\.csv:2: expected 2 values, one for each column'),
        ('path,label\n"b/1"x,pain\n', {}, r'list\.csv:2: expected a record on one line'),
        ('', {}, r'list\.csv:1: expected a header'),
    ],
)
def test_a_wrong_list_or_setting_is_refused_with_its_line(build, content, settings, said):
    with pytest.raises(ValueError, match=said):
        build(content, **settings)


def test_words_for_nothing_are_labels_in_excel_and_blank_rows_are_none(root, build):
    rows = [('b/1', 'None'), ('', ''), ('b/2', 'NA'), ('b/3', 'null')]
    frame = pandas.DataFrame(rows, columns=['path', 'label'])
    frame.to_excel(root / 'list.xlsx', index=False)
    dataset = build(name='list.xlsx')
    assert dataset.metainfo['classes'] == ('NA', 'None', 'null')
    assert [item['ann_line'] for item in items(dataset)] == [2, 4, 5]


def test_a_missing_clip_or_a_wrong_file_is_named(build):
    with pytest.raises(FileNotFoundError, match=r'first gone \(.*list\.csv:3\)'):
        build('path,label\nb/1,pain\ngone,calm\n')
    with pytest.raises(ValueError, match=r'list\.parquet: expected a Parquet file, found'):
        build(GOOD, name='list.parquet')
    with pytest.raises(ValueError, match=r'list\.jsonl:1: expected a JSON object of texts'):
        build(GOOD, name='list.jsonl')
    with pytest.raises(ValueError, match="unreadable='wrong' is for classes"):
        build(GOOD, columns=dict(scores='label'), test_mode=True, unreadable='wrong')
