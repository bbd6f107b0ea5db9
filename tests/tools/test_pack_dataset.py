"""A packed data set gives a run the pixels that its clips give."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mini_corpora import write_clip, write_dfew
from mmaction.registry import DATASETS
from small_runs import small_config


@pytest.fixture
def cfg(work_dir):
    write_dfew(work_dir / 'DFEW', num_frames=9)
    cfg = small_config('dferclip_dfew', work_dir, work_dir / 'run')
    cfg.dump('config.py')
    return cfg


def content(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob('*') if path.is_file()}


def draw(settings, **changes):
    dataset = DATASETS.build({**settings, **changes})
    for number in range(len(dataset)):
        np.random.seed(number)
        yield dataset[number]


@pytest.mark.parametrize('part', ['train', 'test'])
def test_packed_pipelines_give_the_same_pixels(cfg, run_tool, capsys, part):
    before = content('DFEW')
    run_tool('pack_dataset', 'config.py', 'packed')
    said = capsys.readouterr().out
    assert 'packed: 0 of 14 clips are there; the others, 126 frames, take about' in said
    assert "wrote packed: all 14 clips; read them by data_prefix=dict(clips='" in said
    assert content('DFEW') == before
    settings = cfg[f'{part}_dataloader'].dataset
    clips = dict(clips=str(Path('packed').absolute()))
    pairs = list(zip(draw(settings), draw(settings, data_prefix=clips), strict=True))
    assert len(pairs) == 7
    for plain, packed in pairs:
        assert torch.equal(plain['inputs'], packed['inputs'])
        assert plain['data_samples'].gt_label == packed['data_samples'].gt_label
        assert packed['data_samples'].filename.endswith('.safetensors')


def test_packing_again_adds_what_is_missing_and_verify_finds_what_is_wrong(cfg, run_tool, capsys):
    run_tool('pack_dataset', 'config.py', 'packed')
    run_tool('pack_dataset', 'config.py', 'packed', '--verify')
    assert 'packed: all 14 clips are as they were packed' in capsys.readouterr().out
    path = Path('packed/00003.safetensors')
    altered = bytearray(path.read_bytes())
    altered[-1] ^= 1
    path.write_bytes(altered)
    Path('packed/00004.safetensors').unlink()
    with pytest.raises(SystemExit, match='error: 2 of 14 clips: pack them again'):
        run_tool('pack_dataset', 'config.py', 'packed', '--verify')
    said = capsys.readouterr().out
    assert '00003.safetensors: altered or cut short' in said
    assert '00004.safetensors: not packed' in said
    path.unlink()
    run_tool('pack_dataset', 'config.py', 'packed')
    assert '12 of 14 clips are there; the others, 18 frames' in capsys.readouterr().out
    run_tool('pack_dataset', 'config.py', 'packed', '--verify')


def test_a_clip_that_cannot_be_read_is_named_and_the_others_are_packed(cfg, run_tool, capsys):
    for path in Path('DFEW/Clip/clip_224x224/00005').iterdir():
        path.write_bytes(b'')
    with pytest.raises(SystemExit, match='error: 1 clips could not be read and are not packed'):
        run_tool('pack_dataset', 'config.py', 'packed')
    assert 'not read: ' in capsys.readouterr().out
    assert len([*Path('packed').glob('*.safetensors')]) == 13


def test_joined_and_repeated_data_sets_are_packed(cfg, run_tool, capsys):
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=inner)]
    )
    cfg.dump('joined.py')
    run_tool('pack_dataset', 'joined.py', 'packed')
    assert 'wrote packed: all 14 clips' in capsys.readouterr().out


def test_an_index_of_something_else_is_named(cfg, run_tool):
    Path('packed').mkdir()
    Path('packed/packed.jsonl').write_text('{"a": 1}\n')
    with pytest.raises(SystemExit, match=r'error: packed/packed\.jsonl, line 1: expected clip, '):
        run_tool('pack_dataset', 'config.py', 'packed')


def test_a_clips_folder_is_no_target(cfg, run_tool):
    clip = 'DFEW/Clip/clip_224x224/00005'
    before = content('DFEW')
    with pytest.raises(SystemExit, match=r'lies in the clip .*00005: choose another'):
        run_tool('pack_dataset', 'config.py', f'{clip}/packed')
    assert content('DFEW') == before


def test_no_room_on_the_disk(cfg, run_tool, monkeypatch):
    monkeypatch.setattr('shutil.disk_usage', lambda _: type('Usage', (), dict(free=1000)))
    with pytest.raises(SystemExit, match=r'error: packed: about .* MiB are needed'):
        run_tool('pack_dataset', 'config.py', 'packed')
    assert not Path('packed').exists()


def test_lists_that_circulate_find_packed_clips(work_dir, cfg, run_tool):
    write_clip(work_dir / 'DFEW/Clip/clip_224x224_16f/00001', 9, 'jpg')
    listed = work_dir / 'list.txt'
    listed.write_text(
        '/data/DFEW/Clip/clip_224x224/00001 9 1\n/data/DFEW/Clip/clip_224x224/00003 9 2'
    )
    run_tool('pack_dataset', 'config.py', 'packed')
    settings = dict(cfg.train_dataloader.dataset, ann_file=str(listed), pipeline=[])
    dataset = DATASETS.build({**settings, 'data_prefix': dict(clips=str(work_dir / 'packed'))})
    assert [Path(dataset[n]['filename']).name for n in range(2)] == [
        '00001.safetensors',
        '00003.safetensors',
    ]


def test_a_frame_outside_of_the_root_is_named_and_not_packed(work_dir, cfg, run_tool, capsys):
    frame = work_dir / 'DFEW/Clip/clip_224x224/00005/3.jpg'
    frame.rename(work_dir / 'secret.jpg')
    frame.symlink_to(work_dir / 'secret.jpg')
    with pytest.raises(SystemExit, match='error: 1 clips could not be read and are not packed'):
        run_tool('pack_dataset', 'config.py', 'packed')
    assert f'found a link to {work_dir}/secret.jpg' in capsys.readouterr().out
    assert not Path('packed/00005.safetensors').exists()
    assert len([*Path('packed').glob('*.safetensors')]) == 13
