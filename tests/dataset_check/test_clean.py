"""Clean lists that several datasets share, that lie elsewhere, or that replace a folder."""

import shutil
from pathlib import Path

import pytest
from mini_corpora import write_clip, write_dfew, write_text
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import clean_targets, write_clean

PIPELINE = [dict(type='ClipInit'), dict(type='SampleSegments', num_frames=2)]


def test_two_lists_that_would_be_one_file_are_refused(tmp_path, examine_splits):
    roots = [write_dfew(tmp_path / name, num_frames=2) for name in 'ab']
    settings = dict(type='DFEWDataset', pipeline=PIPELINE)
    splits, _ = examine_splits(*[('train', {**settings, 'data_root': str(root)}) for root in roots])
    with pytest.raises(ValueError, match=r'would both be written as .*/set_1\.csv: check them'):
        clean_targets(tmp_path / 'clean', splits)


@pytest.fixture
def afew(tmp_path):
    """Six clips each of two emotions; all noise is another clip's."""
    for emotion in ('Happy', 'Sad'):
        for number in range(1, 7):
            write_clip(tmp_path / f'AFEW/AFEW_Face/train/{emotion}/{emotion}{number}', 2, 'jpg')
    return dict(type='AFEWDataset', data_root=str(tmp_path / 'AFEW'), pipeline=PIPELINE)


def test_a_folder_that_training_and_validation_share_gives_one_list(tmp_path, afew, examine_splits):
    held = {**afew, 'val_fraction': 0.3}
    empty = tmp_path / 'AFEW/AFEW_Face/train/Sad/Sad2'
    shutil.rmtree(empty)
    empty.mkdir()
    splits, found = examine_splits(('train', held), ('val', {**held, 'split': 'validation'}))
    ((path, count),) = write_clean(tmp_path / 'clean', splits, found).values()
    assert path == tmp_path / 'clean/train.txt'
    assert count == 1
    clips = [line.split()[0] for line in path.read_text().splitlines()]
    happy = [f'train/Happy/Happy{n}' for n in range(1, 7)]
    assert clips == [*happy, *(f'train/Sad/Sad{n}' for n in (1, 3, 4, 5, 6))]
    again = {**held, 'ann_file': str(path), 'pipeline': []}
    built = [DATASETS.build({**again, 'split': split}) for split in ('train', 'validation')]
    assert sum(map(len, built)) == 11


def test_equal_folders_of_two_emotions_both_go(tmp_path, afew, examine_splits):
    faces = tmp_path / 'AFEW/AFEW_Face/train'
    shutil.rmtree(faces / 'Sad/Sad3')
    shutil.copytree(faces / 'Happy/Happy1', faces / 'Sad/Sad3')
    splits, found = examine_splits(('train', afew))
    assert 'same content, two labels' in {each.kind for each in found}
    ((path, count),) = write_clean(tmp_path / 'clean', splits, found).values()
    assert count == 2
    assert not {'train/Happy/Happy1', 'train/Sad/Sad3'} & set(path.read_text().split())


def test_of_a_clip_in_two_forms_a_folders_list_keeps_one(tmp_path, afew, examine_splits, video):
    video(tmp_path / 'AFEW/AFEW_Face/train/Sad/Sad3.avi', 2)
    splits, found = examine_splits(('train', afew))
    assert 'listed twice' in {each.kind for each in found}
    ((path, count),) = write_clean(tmp_path / 'clean', splits, found).values()
    assert count == 1
    assert path.read_text().count('Sad3') == 1


def test_a_line_that_repeats_another_is_left_out(tmp_path, examine_splits):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2)
    write_text(root / 'own.csv', '1,1\n3,2\n00001,1\n')
    settings = dict(type='DFEWDataset', data_root=str(root), ann_file='own.csv', pipeline=PIPELINE)
    splits, found = examine_splits(('train', settings))
    write_clean(tmp_path / 'clean', splits, found)
    assert (tmp_path / 'clean/own.csv').read_text() == '1,1\n3,2\n'


@pytest.fixture
def scores(tmp_path):
    for name in 'abcd':
        write_clip(tmp_path / f'data/{name}', 2, 'jpg')
    return dict(
        type='ClipScoresDataset',
        data_root=str(tmp_path / 'data'),
        ann_file='scores.csv',
        targets=['pain'],
        pipeline=PIPELINE,
    )


def test_a_record_of_several_lines_goes_whole(tmp_path, scores, examine_splits):
    rows = ['clip,pain,note', 'a,1,one', 'gone,2,"two', '', 'lines"', '', 'b,3,three']
    wrong = ['c,nan,"again', 'two"', 'd,4,"x', 'y"']
    write_text(tmp_path / 'data/scores.csv', '\r\n'.join([*rows, *wrong]) + '\r\n')
    splits, found = examine_splits(('train', scores))
    assert [each.kind for each in found if each.severity == 'error'] == [
        'list line',
        'missing clip',
    ]
    ((path, count),) = write_clean(tmp_path / 'clean', splits, found).values()
    kept = 'clip,pain,note\r\na,1,one\r\n\r\nb,3,three\r\nd,4,"x\r\ny"\r\n'
    assert (path.read_bytes().decode(), count) == (kept, 5)
    again = DATASETS.build({**scores, 'ann_file': str(path), 'pipeline': []})
    assert [Path(again.get_data_info(n)['filename']).name for n in range(3)] == ['a', 'b', 'd']


def test_behind_a_quote_that_nothing_closes_is_read_on(tmp_path, scores, examine_splits):
    write_text(tmp_path / 'data/scores.csv', 'clip,pain,note\na,1,"open\nb,2,\nc,3,\n')
    splits, found = examine_splits(('train', scores))
    (wrong,) = [each for each in found if each.severity == 'error']
    assert [line for _, line in wrong.places] == [2]
    assert [each.clip for each in splits[0].clips] == ['b', 'c']


def test_the_list_that_chooses_clips_is_cleaned_too(tmp_path, scores, examine_splits):
    write_text(tmp_path / 'data/scores.csv', 'clip,pain\na,1\nb,x\nc,3\nd,4\n')
    write_text(tmp_path / 'data/train.txt', 'd\nb\n\nc\na\nd')
    write_text(tmp_path / 'data/test.txt', 'a\n')
    (tmp_path / 'data/c/1.jpg').write_bytes(b'')
    named = [(split, {**scores, 'clip_list': f'{split}.txt'}) for split in ('train', 'test')]
    splits, found = examine_splits(*named)
    written = write_clean(tmp_path / 'clean', splits, found)
    assert {path.name: count for path, count in written.values()} == {
        'scores.csv': 2,
        'train.txt': 3,
        'test.txt': 0,
    }
    clean = {path.name: path.read_text() for path, _ in written.values()}
    # What is evaluated keeps its scores; training no longer chooses it.
    assert clean == {
        'scores.csv': 'clip,pain\na,1\nd,4\n',
        'train.txt': 'd\n\nd',
        'test.txt': 'a\n',
    }
    moved = dict(data_root=str(tmp_path / 'clean'), data_prefix=dict(clips=scores['data_root']))
    for _, settings in named:
        assert len(DATASETS.build({**settings, **moved, 'pipeline': []})) == 1
