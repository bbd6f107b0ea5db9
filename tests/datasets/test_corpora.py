"""Each corpus in its owner's layout, built as a config builds it."""

import pickle

import pytest
from mmaction.registry import DATASETS

SEVEN = ['happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear']


def build(kind, root, **kwargs):
    return DATASETS.build(dict(type=kind, data_root=str(root), pipeline=[], **kwargs))


def listing(dataset):
    """(path below the root, label) of each item."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['filename'][len(str(dataset.root)) + 1 :], info['label']) for info in infos]


@pytest.fixture
def dfew(tmp_path, frames, text):
    for name in ('00001', '00012', '16372'):
        frames(tmp_path / 'Clip/clip_224x224' / name, 1)
    lists = tmp_path / 'EmoLabel_DataSplit'
    text(lists / 'train(single-labeled)/set_1.csv', 'video_name,label\n1,1\n12,7\n')
    text(lists / 'test(single-labeled)/set_1.csv', 'video_name,label\n16372,4')
    text(lists / 'test(single-labeled)/set_2.csv', 'video_name,label\n12,7')
    return tmp_path


def test_dfew_is_read_in_its_own_layout(dfew):
    dataset = build('DFEWDataset', dfew)
    assert listing(dataset) == [('Clip/clip_224x224/00001', 0), ('Clip/clip_224x224/00012', 6)]
    assert dataset.metainfo == dict(classes=tuple(SEVEN))
    assert dataset.get_data_info(1) == dict(
        filename=str(dfew / 'Clip/clip_224x224/00012'),
        label=6,
        ann_file=str(dfew / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'),
        ann_line=3,
        sample_idx=1,
        modality='RGB',
        start_index=0,
    )
    assert listing(build('DFEWDataset', dfew, split='test')) == [('Clip/clip_224x224/16372', 3)]
    fold2 = build('DFEWDataset', dfew, split='test', fold=2, test_mode=True)
    assert listing(fold2) == [('Clip/clip_224x224/00012', 6)]
    assert fold2.test_mode


def test_a_dataset_can_be_sent_to_a_worker(dfew):
    dataset = pickle.loads(pickle.dumps(build('DFEWDataset', dfew)))
    assert len(dataset) == 2
    assert dataset[0]['label'] == 0


def test_the_circulating_list_of_another_machine(dfew, text):
    text(
        dfew / 'set_1_train.txt',
        '/data/EECS-Them/DFEW/Clip/clip_224x224/00012 113 5\n/data/elsewhere/00001 16 0',
    )
    dataset = build('DFEWDataset', dfew, ann_file='set_1_train.txt')
    assert listing(dataset) == [('Clip/clip_224x224/00012', 5), ('Clip/clip_224x224/00001', 0)]
    assert [dataset.get_data_info(i)['total_frames'] for i in (0, 1)] == [113, 16]


def test_ferv39k_is_read_in_its_own_layout(tmp_path, frames, text):
    for name in ('Action/Happy/0267', 'Daily Life/Fear/0001'):
        frames(tmp_path / '2_ClipsforFaceCrop' / name, 1)
    text(
        tmp_path / '4_setups/All_scenes/train_All.csv',
        'Action/Happy/0267 Happy\nDaily Life/Fear/0001 Fear',
    )
    dataset = build('FERV39kDataset', tmp_path)
    assert listing(dataset) == [
        ('2_ClipsforFaceCrop/Action/Happy/0267', 0),
        ('2_ClipsforFaceCrop/Daily Life/Fear/0001', 6),
    ]


@pytest.fixture
def mafw(tmp_path, frames, text):
    for name in ('00001', '00002', '00003'):
        frames(tmp_path / 'data/faces' / name, 1)
    lists = tmp_path / 'Train & Test Set'
    text(lists / 'single/no_caption/set_1/train.txt', '00001.mp4 anger\r\n00002.mp4 contempt')
    text(
        lists / 'single/with_caption/set_1/train.txt',
        '00001.mp4\tanger\t一个男人。\tA man frowns.\r\n00002.mp4\tfear\t一个女人。\t\r\n',
        'gbk',
    )
    text(lists / 'compound/no_caption/set_1/train.txt', '00001.mp4 sadness_fear\r\n00002.mp4 fear')
    text(lists / 'compound/no_caption/set_1/test.txt', '00003.mp4 anger_disgust')
    text(lists / 'compound/no_caption/set_2/test.txt', '00003.mp4 anger')
    return tmp_path


def test_mafw_is_read_in_its_own_layout(mafw):
    dataset = build('MAFWDataset', mafw)
    assert listing(dataset) == [('data/faces/00001', 3), ('data/faces/00002', 7)]
    assert len(dataset.metainfo['classes']) == 11
    assert 'text' not in dataset.get_data_info(0)


def test_the_captions_of_mafw_are_read(mafw):
    dataset = build('MAFWDataset', mafw, captions=True)
    assert [dataset.get_data_info(i)['text'] for i in (0, 1)] == ['A man frowns.', '']
    with_caption = build('MAFWDataset', mafw, captions=True, require_caption=True)
    assert listing(with_caption) == [('data/faces/00001', 3)]
    with pytest.raises(ValueError, match='require_caption=True needs captions=True'):
        build('MAFWDataset', mafw, require_caption=True)


def test_mafw_compounds_have_the_same_classes_in_each_split_and_fold(mafw):
    train = build('MAFWDataset', mafw, compound=True)
    test = build('MAFWDataset', mafw, compound=True, split='test')
    classes = ['anger', 'fear', 'anger_disgust', 'sadness_fear']
    assert list(train.metainfo['classes']) == list(test.metainfo['classes']) == classes
    assert listing(train) == [('data/faces/00001', 3), ('data/faces/00002', 1)]
    assert listing(test) == [('data/faces/00003', 2)]


def test_numbers_cannot_name_compounds(mafw, text):
    text(mafw / 'counted.txt', '00001 16 3')
    with pytest.raises(ValueError, match=r"counted.txt:1: expected one of .*, found '3'"):
        build('MAFWDataset', mafw, compound=True, ann_file='counted.txt')
    assert listing(build('MAFWDataset', mafw, ann_file='counted.txt')) == [('data/faces/00001', 3)]


def test_afew_is_read_from_its_folders(tmp_path, frames, video):
    faces = tmp_path / 'AFEW_Face'
    for name in ('train/Angry/10', 'train/Angry/9', 'validation/Happy/1'):
        frames(faces / name, 1)
    video(faces / 'validation/Surprise/2.avi', 2)
    train = build('AFEWDataset', tmp_path)
    assert listing(train) == [('AFEW_Face/train/Angry/9', 3), ('AFEW_Face/train/Angry/10', 3)]
    assert train.get_data_info(0)['ann_file'] == str(faces / 'train')
    test = build('AFEWDataset', tmp_path, split='test')
    assert listing(test) == [
        ('AFEW_Face/validation/Happy/1', 0),
        ('AFEW_Face/validation/Surprise/2.avi', 4),
    ]


def test_afew_reads_a_given_list(tmp_path, frames, text):
    frames(tmp_path / 'AFEW_Face/validation/Happy/1', 1)
    text(tmp_path / 'afew.txt', '/data/AFEW_Face/validation/Happy/1 16 0')
    dataset = build('AFEWDataset', tmp_path, split='test', ann_file='afew.txt')
    assert listing(dataset) == [('AFEW_Face/validation/Happy/1', 0)]


@pytest.mark.parametrize('clip', ['original/00001.mp4', 'clip_224x224_16f/00001'])
def test_dfew_is_read_from_16_frames_or_videos_too(tmp_path, frames, video, text, clip):
    (video if clip.endswith('.mp4') else frames)(tmp_path / 'Clip' / clip, 2)
    text(tmp_path / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv', '1,1')
    assert listing(build('DFEWDataset', tmp_path)) == [(f'Clip/{clip}', 0)]


def test_clips_without_captions_do_not_change_which_are_held_out(tmp_path, frames, text):
    rows = []
    for number in range(12):
        frames(tmp_path / f'data/faces/{number:05}', 1)
        rows.append(f'{number:05}.mp4\tanger\tx\t{"A frown." if number % 3 else ""}')
    text(tmp_path / 'list.txt', '\n'.join(rows))
    given = dict(ann_file='list.txt', captions=True, val_fraction=0.5)
    whole = listing(build('MAFWDataset', tmp_path, **given))
    described = build('MAFWDataset', tmp_path, require_caption=True, **given)
    assert listing(described) == [clip for clip in whole if int(clip[0][-5:]) % 3]


def test_a_compound_list_alone_needs_the_classes(tmp_path, frames, text):
    frames(tmp_path / '00001', 1)
    text(tmp_path / 'mine.txt', '00001.mp4 fear_anger')
    given = dict(compound=True, ann_file='mine.txt')
    with pytest.raises(ValueError, match=r'set metainfo=dict\(classes='):
        build('MAFWDataset', tmp_path, **given)
    classes = dict(classes=['fear', 'fear_anger'])
    assert listing(build('MAFWDataset', tmp_path, metainfo=classes, **given)) == [('00001', 1)]


def test_afew_without_folders_of_emotions_is_refused(tmp_path, frames):
    with pytest.raises(FileNotFoundError, match=r'expected train clips in .*/train/<Emotion>'):
        build('AFEWDataset', tmp_path)
    frames(tmp_path / 'AFEW_Face/train/Bored/1', 1)
    with pytest.raises(ValueError, match=r"AFEW_Face/train/Bored: 'Bored' is not an emotion"):
        build('AFEWDataset', tmp_path)
