"""What every corpus refuses when it is built."""

import re

import pytest
from mmaction.registry import DATASETS

LISTED = '00001 anger\n00002 fear'


@pytest.fixture
def root(tmp_path, frames):
    for name in ('00001', '00002'):
        frames(tmp_path / 'data/faces' / name, 1)
    return tmp_path


@pytest.fixture
def build(root, text):
    def build_mafw(content, **kwargs):
        text(root / 'list.txt', content)
        kwargs = dict(data_root=str(root), ann_file='list.txt', pipeline=[]) | kwargs
        return DATASETS.build(dict(type='MAFWDataset') | kwargs)

    return build_mafw


def test_a_missing_list_is_refused(build, root):
    owners = re.escape(str(root / 'Train & Test Set/single/no_caption/set_3/test.txt'))
    with pytest.raises(
        FileNotFoundError, match=rf'list of fold 3 \(test\) at {owners}, found no such file'
    ):
        build('', ann_file='', fold=3, split='test')
    with pytest.raises(FileNotFoundError, match=r'other.txt, found no such file'):
        build('', ann_file='other.txt')


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        (dict(data_root=''), "MAFWDataset: data_root='' is not a folder"),
        (dict(data_root='no/such/folder'), "data_root='no/such/folder' is not a folder"),
        (dict(data_prefix=dict(clips='nowhere')), "data_prefix['clips']='nowhere' is not a folder"),
        (dict(data_prefix=dict(video='x')), 'expected data_prefix=dict(clips=...)'),
        (dict(content='\ufeff\n \r\n\n'), 'list.txt: expected at least one clip, found none'),
        (dict(fold=0), 'expected a fold from 1 to 5, found 0'),
        (dict(fold=6), 'expected a fold from 1 to 5, found 6'),
        (dict(type='AFEWDataset', fold=2), 'expected a fold 1, the only one, found 2'),
        (dict(split='val'), "expected a split of train, test, validation, found 'val'"),
        (dict(split='validation'), "split='validation' needs val_fraction"),
        (dict(split='test', val_fraction=0.1), 'val_fraction splits the training list'),
        (dict(val_fraction=2), 'expected a share between 0 and 1'),
        (dict(exclude_classes=['angry']), "'angry' is not a class: did you mean 'anger'"),
        (dict(include_classes='xyz'), "'xyz' is not a class: The classes are happiness"),
        (dict(include_classes='fear', exclude_classes='anger'), 'not both'),
        (dict(include_classes='neutral'), 'of the chosen classes (only of anger, fear)'),
        (dict(content='00001 anger\n00001.mp4 fear'), 'list.txt:2: expected one label for '),
        (
            dict(metainfo=dict(classes=['fear', 'joy'])),
            'list.txt:1: expected a label of the classes fear, joy',
        ),
    ],
)
def test_wrong_settings_are_refused(build, given, said):
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(said)):
        build(**{'content': LISTED, **given})


def test_missing_clips_are_counted_and_three_are_named(build, root):
    lines = ['00001 anger', *(f'1000{i} anger' for i in range(5)), '00002 fear']
    with pytest.raises(FileNotFoundError) as error:
        build('\n'.join(lines))
    file = root / 'list.txt'
    assert str(error.value) == (
        'MAFWDataset: 5 of 7 listed clips are neither frame folders nor videos below '
        f'{root / "data/faces"}, first 10000 ({file}:2), 10001 ({file}:3), 10002 ({file}:4): '
        "check data_root or set data_prefix=dict(clips='...')"
    )


def test_a_clip_listed_twice_counts_once_and_is_named(build, root, said_by):
    said = said_by('dferclip_mm.datasets.clip_dataset')
    dataset = build('00001 anger\n00002 fear\n00001.mp4 anger')
    assert [dataset.get_data_info(i)['label'] for i in range(len(dataset))] == [3, 6]
    assert len(said) == 1
    assert said[0].startswith(f'{root / "list.txt"}:3: ')
    assert said[0].endswith('is already in line 1, and counts once')


def test_lazy_init_checks_arguments_but_not_clips(build):
    dataset = build('nothing anger', lazy_init=True)
    with pytest.raises(FileNotFoundError):
        dataset.full_init()


def kept(dataset):
    return [dataset.get_data_info(i)['label'] for i in range(len(dataset))]


@pytest.mark.parametrize(
    ('chosen', 'labels'),
    [
        (dict(exclude_classes=['anger']), [6]),
        (dict(exclude_classes='fear'), [3]),
        (dict(include_classes=['anger', 'neutral']), [3]),
        (dict(exclude_classes=['neutral']), [3, 6]),
        (dict(), [3, 6]),
    ],
)
def test_classes_are_left_out_and_labels_stay(build, chosen, labels):
    dataset = build(LISTED, **chosen)
    assert kept(dataset) == labels
    assert len(dataset.metainfo['classes']) == 11


@pytest.mark.parametrize('link', ['.', 'Clip', 'Clip/clip_224x224/00001', 'EmoLabel_DataSplit'])
def test_any_folder_of_a_corpus_may_be_a_link(tmp_path, frames, text, link):
    root = tmp_path / 'data'
    frames(root / 'Clip/clip_224x224/00001', 2)
    text(root / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv', '1,1\n')
    (root / link).rename(tmp_path / 'disk')
    (root / link).symlink_to(tmp_path / 'disk')
    dataset = DATASETS.build(
        dict(type='DFEWDataset', data_root=str(root), pipeline=[dict(type='ClipInit')])
    )
    assert dataset[0]['total_frames'] == 2


def test_a_list_is_looked_up_below_the_root_and_then_from_the_current_folder(
    build, root, text, monkeypatch
):
    text(root / 'lists/own.txt', '00001 anger')
    text(root / 'run/elsewhere/own.txt', '00002 fear')
    monkeypatch.chdir(root / 'run')
    assert kept(build('', ann_file='lists/own.txt')) == [3]
    assert kept(build('', ann_file='elsewhere/own.txt')) == [6]
