import numpy as np
import pytest
from mini_corpora import write_clip, write_text
from mmaction.registry import DATASETS

from dferclip_mm.datasets.splits import stratified_holdout

LABELS = [0] * 40 + [1] * 10 + [2] * 3 + [3]


def test_every_class_gives_its_share():
    chosen = stratified_holdout(LABELS, 0.1, seed=0)
    assert np.bincount(np.array(LABELS)[chosen], minlength=4).tolist() == [4, 1, 1, 0]


@pytest.mark.parametrize('share', [0, 1, -0.1, 1.5])
def test_a_share_outside_zero_and_one_is_refused(share):
    with pytest.raises(ValueError, match='expected a share between 0 and 1'):
        stratified_holdout(LABELS, share, seed=0)


@pytest.fixture
def root(tmp_path):
    rows = ['video_name,label']
    for number in range(1, 43):
        rows.append(f'{number},{number % 7 + 1}')
        write_clip(tmp_path / f'Clip/clip_224x224/{number:05}', 1, 'jpg')
    for split in ('train', 'test'):
        write_text(
            tmp_path / f'EmoLabel_DataSplit/{split}(single-labeled)/set_1.csv', '\n'.join(rows)
        )
    return tmp_path


def build(root, **kwargs):
    return DATASETS.build(dict(type='DFEWDataset', data_root=str(root), pipeline=[], **kwargs))


def test_training_and_validation_share_the_list_and_no_clip(root):
    def clips(**kwargs):
        dataset = build(root, **kwargs)
        return {dataset.get_data_info(index)['filename'] for index in range(len(dataset))}

    everything = clips()
    train = clips(val_fraction=0.34)
    validation = clips(val_fraction=0.34, split='validation')
    assert len(everything) == 42
    assert len(validation) == 14
    assert not train & validation
    assert train | validation == everything
    path = root / 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
    path.write_text('\n'.join([path.read_text(), *path.read_text().splitlines()[1:]]))
    assert clips(val_fraction=0.34) == train, 'a clip listed twice is on one side only'
    assert clips(val_fraction=0.34, split='validation') == validation
    assert validation != clips(val_fraction=0.34, split='validation', val_seed=1)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(split='validation'), 'needs val_fraction'),
        (dict(split='test', val_fraction=0.1), 'val_fraction splits the training list'),
        (dict(val_fraction=2), 'between 0 and 1'),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(root, kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(root, **kwargs)
