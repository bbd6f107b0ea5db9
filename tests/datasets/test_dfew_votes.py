"""DFEW's votes: targets of training, and the clips that no list has."""

import pandas
import pytest
from clip_files import write_frames
from mini_corpora import write_dfew
from mmaction.registry import DATASETS

from dferclip_mm.emotions import CORPUS_CLASSES

WORDS = ('happy', 'sad', 'neutral', 'angry', 'surprise', 'disgust', 'fear')


@pytest.fixture
def root(tmp_path):
    """Clips 1 to 14 are listed, 15 and 16 are voted only; 16 has no faces, 17 no votes."""
    write_dfew(tmp_path, num_frames=2)
    write_frames(tmp_path / 'Clip/clip_224x224/00015', 2)
    rows = []
    for number in range(1, 18):
        label = (number - 1) // 2 % 7
        votes = [0] * 7
        votes[label], votes[(label + 1) % 7] = (8, 2) if number < 15 else (5, 5)
        single = label + 1 if number < 15 else 0
        rows.append([*(votes if number < 17 else [0] * 7), number, single])
    columns = [*(f'vote_{word}' for word in WORDS), 'clip_name', 'annotation']
    (tmp_path / 'Annotation').mkdir()
    pandas.DataFrame(rows, columns=columns).to_excel(
        tmp_path / 'Annotation/annotation.xlsx', index=False
    )
    return tmp_path


def build(root, **settings):
    settings = dict(data_root=str(root), pipeline=[dict(type='ClipInit')]) | settings
    return DATASETS.build(dict(type='DFEWDataset', **settings))


def clips(dataset):
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {int(info['filename'][-5:]): info for info in infos}


def test_votes_are_what_training_aims_at(root):
    dataset = build(root, votes=True)
    assert dataset.get_data_info(1)['label'] == 1
    assert clips(dataset)[3]['votes'] == [0, 0.8, 0.2, 0, 0, 0, 0]
    target = dataset.set_target(dataset.get_data_info(1))['label']
    assert target.tolist() == pytest.approx([0, 0.8, 0.2, 0, 0, 0, 0])
    merged = build(
        root, votes=True, class_map=dict(sadness='low', neutral='low'), split='test', test_mode=True
    )
    assert clips(merged)[4]['votes'] == [0, 1, 0, 0, 0, 0]
    assert merged.set_target(merged.get_data_info(1))['label'] == 1


def test_votes_for_a_class_that_is_left_out_do_not_count(root):
    six = tuple(name for name in CORPUS_CLASSES['dfew'] if name != 'disgust')
    settings = dict(votes=True, exclude_classes='disgust', metainfo=dict(classes=six))
    found = clips(build(root, **settings))
    # Clip 9: 8 votes for surprise, 2 for disgust.
    assert found[9]['votes'] == [0, 0, 0, 0, 1, 0]
    assert 11 not in found
    assert clips(build(root, votes=True, exclude_classes='disgust'))[9]['votes'][5] == 0
    frame = pandas.read_excel(root / 'Annotation/annotation.xlsx')
    frame.loc[8, ['vote_surprise', 'vote_disgust']] = 0, 10
    frame.to_excel(root / 'Annotation/annotation.xlsx', index=False)
    with pytest.raises(ValueError, match=r'a vote for one of .*votes for disgust alone'):
        build(root, **settings)


def test_all_voted_clips_outside_the_test_list_are_trained_on(root):
    dataset = build(root, votes=True, all_voted=True)
    found = clips(dataset)
    assert sorted(found) == [1, 3, 5, 7, 9, 11, 13, 15]
    assert found[15]['votes'] == [0.5, 0.5, 0, 0, 0, 0, 0]
    assert len(build(root, votes=True, all_voted=True, split='test', test_mode=True)) == 7


def test_missing_votes_are_named(root):
    with pytest.raises(ValueError, match='needs votes=True and no ann_file'):
        build(root, all_voted=True)
    path = root / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
    write_frames(root / 'Clip/clip_224x224/00017', 2)
    path.write_text(path.read_text() + '17,1\n')
    with pytest.raises(ValueError, match=r'set_1\.csv:9: expected a clip with votes in Annotation'):
        build(root, votes=True)
    (root / 'Annotation/annotation.xlsx').unlink()
    with pytest.raises(FileNotFoundError, match=r'votes=True reads .*annotation\.xlsx, found no'):
        build(root, votes=True)
