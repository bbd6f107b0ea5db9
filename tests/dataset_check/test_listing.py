"""All wrong lines of a list are found, and lists are written without them."""

import shutil
from pathlib import Path

import pytest
from mini_corpora import FERV39K_WORDS, WRITERS, write_clip, write_dfew, write_text
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import (
    Finding,
    compare,
    find_openers,
    inspect_clips,
    read_split,
    write_clean,
)
from dferclip_mm.dataset_check.clean import without_lines
from dferclip_mm.dataset_check.listing import MAX_LINES

PIPELINE = [dict(type='ClipInit'), dict(type='SampleSegments', num_frames=16)]
TYPES = {'dfew': 'DFEWDataset', 'ferv39k': 'FERV39kDataset', 'mafw': 'MAFWDataset'}
DFEW = 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'


def examine(settings, name='train'):
    """The split and all findings."""
    split, findings = read_split(settings, name)
    reports = {each.path: each for each in inspect_clips([*find_openers([split]).items()], 0)}
    return split, [*findings, *compare([split], reports)]


def serious(findings):
    """(kind, line) of errors, and of warnings but those that such small corpora must have."""
    return [
        (each.kind, each.places[0][1])
        for each in findings
        if each.severity != 'note' and each.kind not in ('no face crop?', 'class without clips')
    ]


def make_distinct(root):
    """Give clips of the same name, whose noise is the same, files of their own."""
    for number, frame in enumerate(sorted(root.rglob('1.*'))):
        frame.write_bytes(frame.read_bytes() + bytes([number]))


@pytest.mark.parametrize(
    ('corpus', 'options'),
    [('dfew', {}), ('ferv39k', {}), ('mafw', {}), ('mafw', dict(captions=True))],
)
def test_clean_lists_keep_every_other_byte_and_can_be_read(tmp_path, corpus, options):
    root = WRITERS[corpus](tmp_path / 'corpus', num_frames=2)
    settings = dict(type=TYPES[corpus], data_root=str(root), pipeline=PIPELINE, **options)
    make_distinct(root)
    whole, found = examine(settings)
    assert serious(found) == []
    lost = whole.clips[2]
    shutil.rmtree(lost.path)
    split, found = examine(settings)
    assert serious(found) == [('missing clip', lost.line)]
    written = write_clean(tmp_path / 'clean', [split], found)
    ((file, (path, count)),) = written.items()
    assert (file, count) == (lost.file, 1)
    assert path == tmp_path / 'clean' / whole.clips[0].file.removeprefix(f'{root}/')
    before = Path(file).read_bytes().splitlines(keepends=True)
    assert path.read_bytes() == b''.join(
        line for number, line in enumerate(before, 1) if number != lost.line
    )
    again = {**settings, 'data_root': str(tmp_path / 'clean')}
    again['data_prefix'] = dict(clips=split.clip_folder)
    dataset = DATASETS.build({**again, 'pipeline': []})
    paths = [dataset.get_data_info(index)['filename'] for index in range(len(dataset))]
    assert paths == [each.path for each in whole.clips if each != lost]


def test_the_clean_form_of_afew_is_a_list(tmp_path):
    for word in FERV39K_WORDS:
        for clip in ('1', '2 a'):
            write_clip(tmp_path / f'AFEW/AFEW_Face/train/{word}/{clip}', 2, 'jpg')
    make_distinct(tmp_path)
    empty = tmp_path / 'AFEW/AFEW_Face/train/Sad/1'
    for frame in empty.iterdir():
        frame.unlink()
    settings = dict(type='AFEWDataset', data_root=str(tmp_path / 'AFEW'), pipeline=PIPELINE)
    split, found = examine(settings)
    assert [(each.kind, each.clip) for each in found if each.severity == 'error'] == [
        ('empty clip', str(empty))
    ]
    ((path, count),) = write_clean(tmp_path / 'clean', [split], found).values()
    assert count == 1
    dataset = DATASETS.build({**settings, 'pipeline': [], 'ann_file': str(path)})
    paths = {dataset.get_data_info(index)['filename'] for index in range(len(dataset))}
    assert paths == {each.path for each in split.clips} - {str(empty)}
    assert len(paths) == 13


def test_wrong_scores_leave_the_clean_table(tmp_path):
    for name in 'abc':
        write_clip(tmp_path / f'data/clips/{name}', 2, 'jpg')
    rows = ['clip,severity,split', 'a,1,train', 'b,nan,train', 'c,2,test', 'd,3,train']
    write_text(tmp_path / 'data/scores.csv', '\r\n'.join(rows))
    settings = dict(
        type='ClipScoresDataset',
        data_root=str(tmp_path / 'data'),
        ann_file='scores.csv',
        data_prefix=dict(clips='clips'),
        split='train',
        pipeline=PIPELINE,
    )
    split, found = examine(settings)
    assert serious(found) == [('list line', 3), ('missing clip', 5)]
    assert [each.clip for each in split.clips] == ['a', 'd']
    ((path, _),) = write_clean(tmp_path / 'clean', [split], found).values()
    assert path.read_bytes() == b'clip,severity,split\r\na,1,train\r\nc,2,test\r\n'
    again = {**settings, 'ann_file': str(path), 'pipeline': []}
    assert len(DATASETS.build(again)) == 1


def test_wrong_lines_of_compound_lists_are_found(tmp_path):
    for split, rows in (
        ('train', '1.mp4 anger_fear\n2.mp4 angr\n3.mp4 fear\n4.mp4 fear_'),
        ('test', '5.mp4 disgust_fear\n6.mp4 sad_'),
    ):
        path = f'Train & Test Set/compound/no_caption/set_1/{split}.txt'
        write_text(tmp_path / path, rows)
    for number in range(1, 7):
        write_clip(tmp_path / f'data/faces/{number}', 2, 'png')
    settings = dict(
        type='MAFWDataset',
        data_root=str(tmp_path),
        compound=True,
        exclude_classes=['disgust_fear'],
        pipeline=PIPELINE,
    )
    split, found = examine(settings)
    assert serious(found) == [('list line', 2), ('list line', 4)]
    assert split.classes == ('fear', 'anger_fear')


def test_frame_counts_of_lists_are_compared_with_the_clips(tmp_path):
    write_dfew(tmp_path, num_frames=3)
    rows = [f'/someone/else/{2 * n + 1:05} {4 if n == 2 else 3} {n}' for n in range(7)]
    write_text(tmp_path / 'list.txt', '\n'.join([*rows, '/x/00001 0 0', '/x/00001 three 0']))
    settings = dict(
        type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt', pipeline=PIPELINE
    )
    _, found = examine(settings)
    assert serious(found) == [('list line', 8), ('list line', 9), ('frame count', 3)]
    (wrong,) = [each for each in found if each.kind == 'frame count']
    assert wrong.message == 'the list counts 4 frames, 3 are there'
    assert wrong.clip == str(tmp_path / 'Clip/clip_224x224/00005')
    short = [each for each in found if each.kind == 'short clip']
    assert len(short) == 7
    assert short[0].message == '3 frames, a sample takes 16'


def test_excluded_classes_are_no_finding(tmp_path):
    write_dfew(tmp_path, num_frames=2)
    settings = dict(type='DFEWDataset', data_root=str(tmp_path), pipeline=PIPELINE)
    split, found = examine({**settings, 'exclude_classes': ['fear']})
    assert serious(found) == []
    assert len(split.clips) == 6
    # In split of the clips, no number is published.
    assert not any(each.kind == 'published counts' for each in found)
    assert any(each.kind == 'published counts' for each in examine(settings)[1])


def test_a_list_of_another_form_is_reported_once(tmp_path):
    write_dfew(tmp_path, num_frames=2)
    write_text(tmp_path / DFEW, 'video_name;label\n' + '1;1\n' * 2 * MAX_LINES)
    split, found = read_split(
        dict(type='DFEWDataset', data_root=str(tmp_path), pipeline=PIPELINE), 'train'
    )
    assert split.clips == ()
    assert [each.kind for each in found] == ['list line'] * MAX_LINES + ['settings'] * 2
    assert found[-2].message.endswith('are named: a list of another form?')


@pytest.mark.parametrize(
    ('data', 'lines', 'left'),
    [
        (b'a\nb\nc\n', [2], b'a\nc\n'),
        (b'a\r\nb\r\nc', [3], b'a\r\nb\r\n'),
        (b'a\rb\rc', [1, 2], b'c'),
        (b'\xef\xbb\xbfa\nb\n', [1], b'\xef\xbb\xbfb\n'),
        (b'a\n\nb', [], b'a\n\nb'),
        (b'\xba\xcd\nb\n', [2], b'\xba\xcd\n'),
    ],
)
def test_lines_are_removed_with_their_ends(data, lines, left):
    assert without_lines(data, lines) == left


def test_a_finding_reads_as_one_line():
    places = (('list.csv', 7), ('list.csv', 9))
    assert str(Finding('two labels', 'said', '/clip', places)) == (
        'list.csv:7 (and 1 more): /clip: said'
    )


def test_clean_lists_are_not_written_into_the_data(tmp_path):
    root = write_dfew(tmp_path / 'corpus', num_frames=1)
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    split, found = read_split(settings, 'train')
    for folder in (root, root / 'lists', tmp_path / 'other' / '..' / 'corpus'):
        with pytest.raises(ValueError, match=r'lies in the data, .* which is never written to'):
            write_clean(folder, [split], found)
