"""Frame features are computed once, and a run from them is the frozen run from pixels."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from frozen_runs import frozen_config, write_corpus
from lengths import cases
from mmengine.runner import CheckpointLoader
from small_runs import start

from dferclip_mm.precompute.feature_cache import FrameCache

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def corpus(work_dir: Path) -> Path:
    return write_corpus(work_dir / 'data')


@pytest.fixture
def cache(work_dir: Path, run_tool: Callable[..., None]) -> Callable[..., FrameCache]:
    """Run the program with a config."""

    def run(cfg: object) -> FrameCache:
        cfg.dump('cached.py')
        run_tool('cache_frames', 'cached.py', '--workers', '0')
        return FrameCache(cfg.test_dataloader.dataset.pipeline[0].cache)

    return run


def trained(cfg: object) -> tuple[dict, list[float]]:
    """The last weights of a run, and the losses of its steps."""
    cfg.train_cfg.max_epochs = cases(2, 10)
    losses = []
    runner = start(cfg)
    before = runner.model.neck.pos_embed.clone()
    step = runner.model.train_step

    def train_step(*arguments: object, **named: object) -> dict:
        logs = step(*arguments, **named)
        losses.append(float(logs['loss']))
        return logs

    runner.model.train_step = train_step
    runner.train()
    assert not torch.equal(before, runner.model.neck.pos_embed)
    path = f'{cfg.work_dir}/epoch_{cfg.train_cfg.max_epochs}.pth'
    return CheckpointLoader.load_checkpoint(path, map_location='cpu')['state_dict'], losses


def test_a_cached_run_is_the_frozen_run(corpus, work_dir, cache):
    frozen = frozen_config('dferclip_dfew_frozen', corpus, work_dir / 'frozen')
    expected, expected_losses = trained(frozen)
    stored = (('float16', 2e-3), ('float32', 1e-6))
    for dtype, tolerance in stored[cases(1, 0) :]:
        shutil.rmtree(corpus / 'features', ignore_errors=True)
        cached = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / dtype, dtype=dtype)
        cache(cached)
        found, losses = trained(cached)
        assert len(losses) == 3 * cases(2, 10)
        np.testing.assert_allclose(losses, expected_losses, rtol=tolerance)
        assert list(found) == list(expected)
        worst = max(float((found[name] - expected[name]).abs().max()) for name in expected)
        print(f'{dtype}: largest difference of a weight {worst:.1e}')
        assert worst <= tolerance
    # What was trained from the cache is evaluated on pixels.
    frozen.load_from = cached.load_from = f'{cached.work_dir}/epoch_{cases(2, 10)}.pth'
    assert start(frozen).test() == pytest.approx(start(cached).test(), nan_ok=True)


def test_random_sampling_picks_among_all_frames(corpus, work_dir, cache):
    """The same draws give the same frames' features, epoch after epoch."""
    cached = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    cache(cached)
    runners = [
        start(cached),
        start(frozen_config('dferclip_dfew_frozen', corpus, work_dir / 'frozen')),
    ]
    model = runners[1].model.eval()
    (dataset, other) = (runner.train_dataloader.dataset for runner in runners)
    runners[0].call_hook('before_run')
    runners[0].call_hook('before_train')
    seen = set()
    for seed in range(8):
        np.random.seed(seed)
        features = dataset[3]['inputs']
        np.random.seed(seed)
        pixels = other[3]
        batch = {'inputs': [pixels['inputs']], 'data_samples': [pixels['data_samples']]}
        with torch.no_grad():
            expected, _ = model.extract_feat(
                model.data_preprocessor(batch)['inputs'], stage='backbone'
            )
        torch.testing.assert_close(features, expected, rtol=0, atol=1e-6)
        seen.add(features.numpy().tobytes())
    assert len(seen) > 4


def test_all_folds_share_one_cache(work_dir, cache, capsys):
    corpus = write_corpus(work_dir / 'data', folds=5)
    found = cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    assert len(found.entries) == 14
    assert {entry.frames for entry in found.entries.values()} == {11}
    assert (found.folder / 'features.bin').stat().st_size == 14 * 11 * 32 * 4
    said = capsys.readouterr().out
    assert '0 of 14 clips are there; the others take about 0.0 MiB' in said
    assert 'all 14 clips' in said


def test_an_interrupted_call_goes_on(corpus, work_dir, cache, monkeypatch, capsys):
    from dferclip_mm.precompute import encode_frames

    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    encode, calls = encode_frames.encode_frames, []

    def interrupted(*arguments: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(encode_frames, 'encode_frames', interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache(cfg)
    # A kill leaves rows without a line, and half a line.
    folder = corpus / 'features'
    with (folder / 'features.bin').open('ab') as file:
        file.write(b'half')
    with (folder / 'clips.jsonl').open('ab') as file:
        file.write(b'{"clip": "ha')
    assert len(FrameCache(folder).entries) == 5
    found = cache(cfg)
    assert '5 of 14 clips are there' in capsys.readouterr().out
    assert len(calls) == 6 + 9
    monkeypatch.setattr(encode_frames, 'encode_frames', encode)
    shutil.move(folder, work_dir / 'interrupted')
    straight = cache(cfg)
    for name, entry in straight.entries.items():
        resumed = FrameCache(work_dir / 'interrupted').read(found.entries[name])
        np.testing.assert_array_equal(resumed, straight.read(entry))


def test_killed_at_any_moment_it_goes_on(corpus, work_dir):
    """SIGKILL after some clips, again and again; the whole cache is that of one call."""
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    cfg.dump('cached.py')
    program = [sys.executable, str(ROOT / 'tools/cache_frames.py'), 'cached.py', '--workers', '0']
    killed = (
        'import os, runpy, sys\n'
        'from dferclip_mm.datasets import frame_cache_writer as w\n'
        'w._AT_ONCE = 1\n'
        'real, count = os.fsync, [0]\n'
        'limit = int(sys.argv.pop(1))\n'
        'def fsync(fd):\n'
        '    count[0] += 1\n'
        '    if count[0] > limit: os.kill(os.getpid(), 9)\n'
        '    real(fd)\n'
        'os.fsync = fsync\n'
        'sys.argv = sys.argv[1:]\n'
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    # The first two writes of a new folder are of its identity, then rows and lines take turns; each
    # call goes on where the one before was killed, and the ninth would come to the end.
    for limit in range(cases(3, 0), cases(4, 8)):
        done = subprocess.run([sys.executable, '-c', killed, str(limit), *program[1:]], check=False)
        assert done.returncode == -9
    subprocess.run(program, check=True)
    found = FrameCache(corpus / 'features')
    assert len(found.entries) == 14
    assert (found.folder / 'features.bin').stat().st_size == 14 * 11 * 32 * 4
    assert len((found.folder / 'clips.jsonl').read_text().splitlines()) == 14
    for entry in found.entries.values():
        assert found.read(entry).shape == (11, 32)


def test_a_changed_clip_is_computed_again(corpus, work_dir, cache):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    before = cache(cfg)
    (corpus / 'DFEW/Clip/clip_224x224/00001/11.jpg').unlink()
    after = cache(cfg)
    name = 'Clip/clip_224x224/00001'
    assert (before.entries[name].frames, after.entries[name].frames) == (11, 10)
    assert before.entries.keys() == after.entries.keys()


def test_an_unreadable_clip_is_named_and_the_others_are_kept(corpus, work_dir, cache, capsys):
    (corpus / 'DFEW/Clip/clip_224x224/00003/4.jpg').write_bytes(b'no image')
    with pytest.raises(SystemExit, match='1 clips could not be read'):
        cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    assert '00003/4.jpg does not decode' in capsys.readouterr().out
    assert len(FrameCache(corpus / 'features').entries) == 13


def test_a_full_disk_is_told_before_any_work(corpus, work_dir, cache, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: shutil._ntuple_diskusage(9, 9, 9))
    with pytest.raises(SystemExit, match=r'about 0\.0 MiB of free space, found 0\.0 MiB'):
        cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    assert (corpus / 'features/features.bin').stat().st_size == 0


def test_joined_and_repeated_data_sets_are_cached_and_trained_from(corpus, work_dir, cache):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=inner), inner]
    )
    assert len(cache(cfg).entries) == 14
    cfg.train_cfg.max_epochs = 1
    start(cfg).train()
    other = work_dir / 'more'
    write_corpus(other)
    inner.data_root = str(other / 'DFEW')
    (other / 'DFEW/Clip/clip_224x224/00005').rename(other / 'DFEW/Clip/clip_224x224/00077')
    lists = other / 'DFEW/EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
    lists.write_text(lists.read_text().replace('\n5,', '\n77,'))
    with pytest.raises(ValueError, match=r'lacks 1 of 7 clips, first .*00077'):
        start(cfg).train()


def test_what_cannot_be_cached_is_refused(corpus, work_dir, cache):
    for name, change, said in (
        ('frozen', {}, 'expected one OpenFrameFeatures'),
        ('cached', {'frozen': False}, 'frozen weights that can be loaded again'),
        ('cached', {'pretrained': None}, 'frozen weights that can be loaded again'),
    ):
        cfg = frozen_config(f'dferclip_dfew_{name}', corpus, work_dir / 'run')
        cfg.model.backbone.update(change)
        with pytest.raises(SystemExit, match=said):
            cache(cfg)


def test_identity_is_what_a_reader_can_check(corpus, work_dir, cache):
    found = cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    identity = json.loads((found.folder / 'identity.json').read_text())
    assert set(identity) == {
        'encoder', 'weights', 'data_preprocessor', 'pixels', 'dtype', 'width'
    }  # fmt: skip
    assert identity['data_preprocessor'] == {
        'to_rgb': False,
        'format_shape': 'NCHW',
        'mean': [0, 0, 0],
        'std': [255, 255, 255],
    }
