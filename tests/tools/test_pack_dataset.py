"""A run reads the same pixels from packed clips as from the clips themselves."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mini_corpora import write_clip, write_dfew
from mmaction.registry import DATASETS
from small_runs import small_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cfg(work_dir):
    write_dfew(work_dir / 'data/DFEW', num_frames=9)
    cfg = small_config('dferclip_dfew', work_dir / 'data', work_dir / 'run')
    cfg.dump('config.py')
    return cfg


@pytest.fixture
def pack(run_tool, capsys):
    """Run the program; what it printed."""

    def run(*arguments, config='config.py', folder='packed'):
        run_tool('pack_dataset', config, folder, '--workers', '0', *arguments)
        return capsys.readouterr().out

    return run


def content(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob('*') if path.is_file()}


def load(settings, **changes):
    dataset = DATASETS.build({**settings, **changes})
    for number in range(len(dataset)):
        np.random.seed(number)
        yield dataset[number]


def test_packed_clips_give_the_same_pixels_and_missing_ones_are_packed(cfg, pack):
    before = content('data')
    said = pack()
    assert 'packed: 0 of 14 clips are there; the others take about' in said
    assert 'wrote packed: all 14 clips; read them by' in said
    Path('packed/00004.safetensors').unlink()
    assert '13 of 14 clips are there' in pack()
    assert content('data') == before
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        packed = load(loader.dataset, data_prefix=dict(clips='packed'))
        pairs = list(zip(load(loader.dataset), packed, strict=True))
        assert len(pairs) == 7
        for expected, found in pairs:
            assert torch.equal(expected['inputs'], found['inputs'])
            assert expected['data_samples'].gt_label == found['data_samples'].gt_label
            assert found['data_samples'].filename.endswith('.safetensors')


def test_a_run_trains_from_packs_as_the_docs_say(cfg, run_tool, work_dir, capsys):
    """The documented folder is relative, and the program prints an absolute one."""
    docs = (ROOT / 'docs/data.md').read_text()
    (folder,) = re.findall(r'tools/pack_dataset\.py configs/dferclip_dfew\.py (\S+)', docs)
    assert f'data_prefix.clips={folder}' in docs
    run_tool('pack_dataset', 'config.py', folder)
    printed = re.findall(r'(\w+_dataloader\S+clips=\S+)', capsys.readouterr().out)
    assert len(printed) == 3
    (work_dir / 'data/DFEW/Clip').rename(work_dir / 'moved')
    typed = [re.sub(r'=.*', f'={folder}', option) for option in printed]
    for options in (typed, printed):
        run_tool('train', 'config.py', '--cfg-options', 'train_cfg.max_epochs=1', *options)


def test_a_folder_inside_a_clip_is_refused(cfg, pack):
    clip = 'data/DFEW/Clip/clip_224x224/00005'
    before = content('data')
    with pytest.raises(SystemExit, match=r'lies in the clip .*00005: choose another'):
        pack(folder=f'{clip}/packed')
    assert content('data') == before


def test_a_full_disk_is_refused_before_any_work(cfg, pack, monkeypatch):
    monkeypatch.setattr('shutil.disk_usage', lambda _: type('Usage', (), dict(free=1000)))
    with pytest.raises(SystemExit, match=r'error: packed: expected about .* MiB of free space'):
        pack()
    assert not Path('packed').exists()


def test_dferclip_lists_find_packed_clips(work_dir, cfg, pack):
    write_clip(work_dir / 'data/DFEW/Clip/clip_224x224_16f/00001', 9, 'jpg')
    Path('list.txt').write_text('/data/DFEW/Clip/clip_224x224/00001 9 1')
    pack()
    settings = dict(cfg.train_dataloader.dataset, ann_file='list.txt', pipeline=[])
    dataset = DATASETS.build({**settings, 'data_prefix': dict(clips='packed')})
    assert Path(dataset[0]['filename']).name == '00001.safetensors'


@pytest.mark.parametrize('change', [dict(ann_file='none'), dict(data_prefix=dict(clips='none'))])
def test_a_path_is_looked_up_below_the_data_root_and_from_the_current_folder(cfg, work_dir, change):
    both = rf'{work_dir}/data/DFEW/none (and|or) {work_dir}/none'
    with pytest.raises(FileNotFoundError, match=both):
        DATASETS.build({**cfg.train_dataloader.dataset, **change})
