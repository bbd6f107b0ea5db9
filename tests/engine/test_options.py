"""What the options of the programs set in a config, or why they are refused."""

from pathlib import Path

import pytest
from mmengine.config import Config

from dferclip_mm.engine import options
from dferclip_mm.engine.options import (
    enable_amp,
    enable_resume,
    merge_batch_size,
    merge_data_options,
)

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
    ('name', 'changes', 'given', 'said'),
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
def test_an_option_that_cannot_apply_is_refused(name, changes, given, said):
    cfg = shipped(name)
    cfg.merge_from_dict(changes)
    with pytest.raises(ValueError, match=said):
        merge_data_options(cfg, **given)


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


def optimizer_config(**wrapper):
    optimizer = dict(type='SGD', lr=0.1)
    return Config(dict(optim_wrapper=dict(type='OptimWrapper', optimizer=optimizer, **wrapper)))


@pytest.mark.parametrize(
    ('device', 'given', 'expected'),
    [
        ('cuda', {}, dict(loss_scale='dynamic')),
        ('cuda', dict(dtype='bfloat16'), dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
        ('cuda', dict(loss_scale=512.0), dict(loss_scale=512.0)),
        ('cpu', {}, dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
    ],
)
def test_amp_uses_the_precision_of_the_device(monkeypatch, device, given, expected):
    monkeypatch.setattr(options, 'get_device', lambda: device)
    cfg = optimizer_config(**given)
    enable_amp(cfg)
    found = cfg.optim_wrapper.to_dict()
    assert found.pop('optimizer')['type'] == 'SGD'
    assert found == dict(type='AmpOptimWrapper', **expected)


def resumed(folder, source='auto', **checkpoint):
    """What is set for a config that starts from other weights."""
    cfg = Config(
        dict(work_dir=str(folder), load_from='b.pth', default_hooks=dict(checkpoint=checkpoint))
    )
    enable_resume(cfg, source)
    return cfg.resume, cfg.load_from


@pytest.mark.parametrize('name', ['epoch_1.pth', 'preempted.pth', 'last_checkpoint'])
def test_a_file_that_the_run_wrote_is_resumed(name, tmp_path):
    (tmp_path / name).touch()
    assert resumed(tmp_path) == (True, None)


@pytest.mark.parametrize('name', ['pretrained.pth', 'best_dfer_WAR_epoch_1.pth', 'iter_9.pth'])
def test_another_file_is_not_resumed(name, tmp_path):
    (tmp_path / name).touch()
    assert resumed(tmp_path) == (False, 'b.pth')


def test_names_and_folder_of_checkpoints_follow_the_config(tmp_path):
    run, other = tmp_path / 'run', tmp_path / 'other'
    for folder in (run, other / 'run'):
        folder.mkdir(parents=True)
    (run / 'iter_9.pth').touch()
    assert resumed(run, by_epoch=False) == (True, None)
    assert resumed(run, filename_tmpl='iter_{}.pth') == (True, None)
    assert resumed(run, by_epoch=False, out_dir=str(other)) == (False, 'b.pth')
    (other / 'run/iter_9.pth').touch()
    assert resumed(run, by_epoch=False, out_dir=str(other)) == (True, None)


def test_restarted_processes_resume_from_their_own_checkpoint(tmp_path, monkeypatch):
    (tmp_path / 'epoch_4.pth').touch()
    assert resumed(tmp_path, 'given.pth') == (True, 'given.pth')
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '0')
    assert resumed(tmp_path, 'given.pth') == (True, 'given.pth')
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '1')
    assert resumed(tmp_path, 'given.pth') == (True, None)
    # Nothing written yet.
    assert resumed(tmp_path / 'empty', 'given.pth') == (True, 'given.pth')
