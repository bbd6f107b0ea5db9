"""--data-root, --fold and --batch-size reach every dataset, or are refused in one sentence."""

from pathlib import Path

import pytest
from mmengine.config import Config

from dferclip_mm.engine.options import merge_batch_size, merge_data_options

CONFIGS = Path(__file__).parents[2] / 'configs'


def shipped(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def loaders(cfg):
    return cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader


def test_root_and_fold_are_set_in_every_dataloader():
    cfg = shipped('dferclip_dfew_val10')
    merge_data_options(cfg, '/my/DFEW', 2)
    for loader in loaders(cfg):
        assert (loader.dataset.data_root, loader.dataset.fold) == ('/my/DFEW', 2)


def test_root_and_fold_reach_datasets_inside_wrappers():
    cfg = shipped('dferclip_dfew')
    inner = cfg.train_dataloader.dataset.to_dict()
    joined = dict(type='ConcatDataset', datasets=[inner, dict(inner, split='test')])
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=joined)
    merge_data_options(cfg, '/my/DFEW', 3)
    first, second = cfg.train_dataloader.dataset.dataset.datasets
    assert (first.data_root, first.fold) == (second.data_root, second.fold) == ('/my/DFEW', 3)
    assert 'data_root' not in cfg.train_dataloader.dataset


def test_an_option_that_is_not_given_changes_nothing():
    cfg = shipped('dferclip_dfew')
    before = cfg.to_dict()
    merge_data_options(cfg)
    merge_batch_size(cfg, 'train', None)
    assert cfg.to_dict() == before


@pytest.mark.parametrize(
    ('name', 'changes', 'options', 'said'),
    [
        ('dferclip_ferv39k', {}, {'fold': 2}, 'FERV39kDataset of train_dataloader has no folds'),
        ('emoclip_downstream', {}, {'fold': 1}, 'ClipScoresDataset of train_dataloader has no'),
        ('demo_emoclip', {}, {'fold': 1}, "train_dataloader reads the list 'captions/set_1/"),
        (
            'dferclip_dfew',
            {'test_dataloader.dataset.data_root': 'data/other'},
            {'data_root': 'x'},
            r'the datasets have different roots \(data/DFEW, data/other\)',
        ),
    ],
)
def test_an_option_that_cannot_apply_is_refused(name, changes, options, said):
    cfg = shipped(name)
    cfg.merge_from_dict(changes)
    with pytest.raises(ValueError, match=said):
        merge_data_options(cfg, **options)


def test_a_dataset_without_a_root_refuses_data_root():
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='ToyPoints'))))
    with pytest.raises(ValueError, match='ToyPoints of test_dataloader has no data_root'):
        merge_data_options(cfg, 'x')


def test_batch_size_is_that_of_one_dataloader():
    cfg = shipped('dferclip_dfew')
    merge_batch_size(cfg, 'train', 48)
    assert [loader.batch_size for loader in loaders(cfg)] == [48, 6, 6]


@pytest.mark.parametrize(
    ('name', 'size', 'said'),
    [
        ('emoclip_zeroshot_dfew', 8, 'train_dataloader is None'),
        ('dferclip_dfew', 0, 'expected 1 or more, found 0'),
    ],
)
def test_a_batch_size_that_cannot_apply_is_refused(name, size, said):
    with pytest.raises(ValueError, match=said):
        merge_batch_size(shipped(name), 'train', size)
