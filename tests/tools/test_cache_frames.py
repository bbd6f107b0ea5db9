"""Frame features are computed once, and a run from them equals the frozen run from pixels."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from frozen_runs import frozen_config, write_corpus
from lengths import cases, only_long
from mmengine.runner import CheckpointLoader
from small_runs import start

from dferclip_mm.precompute import encode_frames
from dferclip_mm.precompute.frame_features import read_features

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def corpus(work_dir: Path) -> Path:
    return write_corpus(work_dir / 'data')


@pytest.fixture
def cache(run_tool: Callable[..., None]) -> Callable[..., dict[str, np.ndarray]]:
    """Run the program on a config; the features by name of the clip."""

    def run(cfg: object) -> dict[str, np.ndarray]:
        cfg.dump('cached.py')
        run_tool('cache_frames', 'cached.py', '--workers', '0')
        return stored(cfg)

    return run


def stored(cfg: object) -> dict[str, np.ndarray]:
    folder = Path(cfg.test_dataloader.dataset.pipeline[0].cache)
    return {path.stem: read_features(path) for path in folder.rglob('*.safetensors')}


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


def test_a_cached_run_equals_the_frozen_run(corpus, work_dir, cache):
    frozen = frozen_config('dferclip_dfew_frozen', corpus, work_dir / 'frozen')
    expected, expected_losses = trained(frozen)
    tolerances = (('float16', 2e-3), ('float32', 1e-6))
    for dtype, tolerance in tolerances[cases(1, 0) :]:
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
    # A checkpoint that was trained from features is evaluated on pixels.
    frozen.load_from = cached.load_from = f'{cached.work_dir}/epoch_{cases(2, 10)}.pth'
    assert start(frozen).test() == pytest.approx(start(cached).test(), nan_ok=True)


def test_random_sampling_draws_from_all_frames(corpus, work_dir, cache):
    """The same random numbers give the features of the same frames."""
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


def test_all_folds_share_their_features(work_dir, cache, capsys):
    corpus = write_corpus(work_dir / 'data', folds=5)
    found = cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    assert {name: rows.shape for name, rows in found.items()} == {
        f'{number:05}': (11, 32) for number in range(1, 15)
    }
    said = capsys.readouterr().out
    assert '0 of 14 clips are there; the others take about 0.0 MiB' in said
    assert 'all 14 clips' in said


def test_an_interrupted_call_is_resumed(corpus, work_dir, cache, monkeypatch, capsys):
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
    assert len(stored(cfg)) == 5
    resumed = cache(cfg)
    assert '5 of 14 clips are there' in capsys.readouterr().out
    assert len(calls) == 6 + 9
    shutil.rmtree(corpus / 'features')
    straight = cache(cfg)
    assert straight.keys() == resumed.keys()
    for name, rows in straight.items():
        np.testing.assert_array_equal(resumed[name], rows)


@only_long
def test_a_killed_call_is_resumed(corpus, work_dir):
    """SIGKILL while a file is synced, at each clip in turn."""
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    cfg.dump('cached.py')
    program = [str(ROOT / 'tools/cache_frames.py'), 'cached.py', '--workers', '0']
    killed = (
        'import os, runpy, sys\n'
        'real, count = os.fsync, [0]\n'
        'def fsync(handle):\n'
        '    count[0] += 1\n'
        '    if count[0] > 3: os.kill(os.getpid(), 9)\n'
        '    real(handle)\n'
        'os.fsync = fsync\n'
        'sys.argv = sys.argv[1:]\n'
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    for number in range(6):
        done = subprocess.run([sys.executable, '-c', killed, *program], check=False)
        assert done.returncode == -9
        assert len(stored(cfg)) > number
    subprocess.run([sys.executable, *program], check=True)
    assert [rows.shape for rows in stored(cfg).values()] == [(11, 32)] * 14


def test_a_changed_clip_is_computed_again(corpus, work_dir, cache):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    assert cache(cfg)['00001'].shape == (11, 32)
    (corpus / 'DFEW/Clip/clip_224x224/00001/11.jpg').unlink()
    found = cache(cfg)
    assert (len(found), found['00001'].shape) == (14, (10, 32))


def test_an_unreadable_clip_is_named_and_the_others_are_kept(corpus, work_dir, cache, capsys):
    (corpus / 'DFEW/Clip/clip_224x224/00003/4.jpg').write_bytes(b'no image')
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    with pytest.raises(SystemExit, match='1 clips could not be read'):
        cache(cfg)
    assert '00003/4.jpg does not decode' in capsys.readouterr().out
    assert len(stored(cfg)) == 13


def test_a_full_disk_is_refused_before_any_work(corpus, work_dir, cache, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: shutil._ntuple_diskusage(9, 9, 9))
    with pytest.raises(SystemExit, match=r'about 0\.0 MiB of free space, found 0\.0 MiB'):
        cache(frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run'))
    assert not (corpus / 'features').exists()


def test_joined_and_repeated_datasets_are_cached_and_trained_from(corpus, work_dir, cache):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=inner), inner]
    )
    assert len(cache(cfg)) == 14
    cfg.train_cfg.max_epochs = 1
    start(cfg).train()
    inner.pipeline[0].cache = str(work_dir / 'none')
    with pytest.raises(ValueError, match='lacks the features of 7 of 7 clips'):
        start(cfg).train()


@pytest.mark.parametrize(
    ('name', 'change', 'said'),
    [
        ('frozen', {}, 'expected one FrameFeaturesInit'),
        ('frozen_cached', {'frozen': False}, 'frozen weights that can be loaded again'),
    ],
)
def test_configs_without_features_or_frozen_weights_are_refused(
    corpus, work_dir, cache, name, change, said
):
    cfg = frozen_config(f'dferclip_dfew_{name}', corpus, work_dir / 'run')
    cfg.model.backbone.update(change)
    with pytest.raises(SystemExit, match=said):
        cache(cfg)
