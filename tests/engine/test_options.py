"""What the options of the programs set in a config, or why they are refused."""

from functools import partial
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


def test_root_and_fold_are_set_in_every_dataset_wrapped_or_not():
    cfg = shipped('dferclip_dfew_val10')
    inner = cfg.train_dataloader.dataset.to_dict()
    joined = dict(type='ConcatDataset', datasets=[inner, dict(inner, split='test')])
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=joined)
    merge_data_options(cfg, '/my/DFEW', 2)
    found = [*cfg.train_dataloader.dataset.dataset.datasets, cfg.val_dataloader.dataset]
    for each in (*found, cfg.test_dataloader.dataset):
        assert (each.data_root, each.fold) == ('/my/DFEW', 2)
    assert 'data_root' not in cfg.train_dataloader.dataset


def test_batch_size_is_that_of_one_dataloader():
    cfg = shipped('dferclip_dfew')
    merge_batch_size(cfg, 'train', None)
    merge_batch_size(cfg, 'train', 48)
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert [loader.batch_size for loader in loaders] == [48, 6, 6]


@pytest.mark.parametrize(
    ('name', 'changes', 'given', 'said'),
    [
        ('dferclip_ferv39k', {}, {'fold': 2}, 'FERV39kDataset has no folds'),
        ('demo_emoclip', {}, {'fold': 1}, "MAFWDataset reads the list 'captions/set_1/"),
        (
            'dferclip_dfew',
            {'test_dataloader.dataset.data_root': 'data/other'},
            {'data_root': 'x'},
            r'the datasets have different roots \(data/DFEW, data/other\)',
        ),
        (
            'dferclip_dfew',
            {'test_dataloader.dataset': {'_delete_': True, 'type': 'ToyPoints'}},
            {'data_root': 'x'},
            'ToyPoints has no data_root',
        ),
        ('emoclip_zeroshot_dfew', {}, {'batch_size': 8}, 'train_dataloader is None'),
        ('dferclip_dfew', {}, {'batch_size': 0}, 'expected 1 or more, found 0'),
    ],
)
def test_an_option_that_cannot_apply_is_refused(name, changes, given, said):
    cfg = shipped(name)
    cfg.merge_from_dict(changes)
    merge = (
        partial(merge_batch_size, split='train') if 'batch_size' in given else merge_data_options
    )
    with pytest.raises(ValueError, match=said):
        merge(cfg, **given)


@pytest.mark.parametrize(
    ('device', 'given', 'expected'),
    [
        ('cuda', {}, dict(dtype='float16', loss_scale='dynamic')),
        ('cuda', dict(dtype='bfloat16'), dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
        ('cpu', {}, dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
    ],
)
def test_amp_uses_the_precision_of_the_device(monkeypatch, device, given, expected):
    monkeypatch.setattr(options, 'get_device', lambda: device)
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper', **given)))
    enable_amp(cfg)
    assert cfg.optim_wrapper.to_dict() == dict(type='AmpOptimWrapper', **expected)


def resumed(folder, source='auto', **checkpoint):
    """What is set for a config that starts from other weights."""
    cfg = Config(
        dict(work_dir=str(folder), load_from='b.pth', default_hooks=dict(checkpoint=checkpoint))
    )
    enable_resume(cfg, source)
    return cfg.resume, cfg.load_from


@pytest.mark.parametrize(
    ('name', 'settings', 'is_own'),
    [
        ('epoch_1.pth', {}, True),
        ('preempted.pth', {}, True),
        ('last_checkpoint', {}, True),
        ('other.pth', {}, False),
        ('best_dfer_WAR_epoch_1.pth', {}, False),
        ('iter_9.pth', {}, False),
        # Names and folder follow the config.
        ('iter_9.pth', dict(by_epoch=False), True),
        ('iter_9.pth', dict(filename_tmpl='iter_{}.pth'), True),
        ('iter_9.pth', dict(by_epoch=False, out_dir='other'), False),
        ('other/run/iter_9.pth', dict(by_epoch=False, out_dir='other'), True),
    ],
)
def test_a_file_that_the_run_wrote_is_resumed_and_no_other(name, settings, is_own, work_dir):
    path = Path(name) if '/' in name else Path('run', name)
    path.parent.mkdir(parents=True)
    path.touch()
    assert resumed('run', **settings) == ((True, None) if is_own else (False, 'b.pth'))


def test_restarted_processes_resume_from_their_own_checkpoint(tmp_path, monkeypatch):
    (tmp_path / 'epoch_4.pth').touch()
    for restarts, source in (('0', 'given.pth'), ('1', None)):
        monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', restarts)
        assert resumed(tmp_path, 'given.pth') == (True, source)
    # Nothing written yet.
    assert resumed(tmp_path / 'empty', 'given.pth') == (True, 'given.pth')
