"""Frame features are computed once, and a run from them equals the frozen run from pixels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lengths import cases
from mmengine.runner import CheckpointLoader
from small_runs import frozen_config, start, write_frozen_corpus

from dferclip_mm.precompute import encode_frames
from dferclip_mm.precompute.frame_features import read_features


@pytest.fixture
def corpus(work_dir: Path) -> Path:
    return write_frozen_corpus(work_dir / 'data')


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
    # At the rates for large batches the small model diverges, and rounding with it.
    cfg.optim_wrapper.optimizer.lr *= 0.01
    losses = []
    runner = start(cfg)
    before = runner.model.neck.pos_embed.clone()
    step = runner.model.train_step

    def train_step(*arguments: object, **named: object) -> dict:
        logs = step(*arguments, **named)
        losses.append(logs['loss'].item())
        return logs

    runner.model.train_step = train_step
    runner.train()
    assert not torch.equal(before, runner.model.neck.pos_embed)
    path = f'{cfg.work_dir}/epoch_{cfg.train_cfg.max_epochs}.pth'
    return CheckpointLoader.load_checkpoint(path, map_location='cpu')['state_dict'], losses


def test_a_cached_run_equals_the_frozen_run(corpus, work_dir, cache):
    """Both sample frames at random; the same random numbers give the same frames."""
    frozen = frozen_config('dferclip_dfew_frozen', corpus, work_dir / 'frozen')
    expected, expected_losses = trained(frozen)
    tolerances = (('float16', 2e-3), ('float32', 1e-6))
    for dtype, tolerance in tolerances[cases(1, 0) :]:
        shutil.rmtree(corpus / 'features', ignore_errors=True)
        cached = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / dtype, dtype=dtype)
        cache(cached)
        found, losses = trained(cached)
        assert len(losses) == 3 * cases(2, 10)
        # Logits are cosines times 100, and so is their rounding.
        np.testing.assert_allclose(losses, expected_losses, rtol=10 * tolerance)
        assert list(found) == list(expected)
        worst = max(float((found[name] - expected[name]).abs().max()) for name in expected)
        print(f'{dtype}: largest difference of a weight {worst:.1e}')
        assert worst <= tolerance
    # A checkpoint that was trained from features is evaluated on pixels.
    frozen.load_from = cached.load_from = f'{cached.work_dir}/epoch_{cases(2, 10)}.pth'
    assert start(frozen).test() == pytest.approx(start(cached).test(), nan_ok=True)


def test_an_interrupted_call_is_resumed_and_all_folds_share_their_features(
    work_dir, cache, monkeypatch, capsys
):
    """Clips that changed or could not be read before are computed, too."""
    corpus = write_frozen_corpus(work_dir / 'data', folds=5)
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    encode, calls = encode_frames.encode_frames, []

    def interrupted(*arguments: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(encode_frames, 'encode_frames', interrupted)
    with pytest.raises(SystemExit):
        cache(cfg)
    assert '0 of 14 clips are there; the others take about 0.0 MiB' in capsys.readouterr().out
    assert len(stored(cfg)) == 5
    clips = corpus / 'DFEW/Clip/clip_224x224'
    (clips / '00001/11.jpg').unlink()
    content = (clips / '00002/1.jpg').read_bytes()
    (clips / '00002/1.jpg').write_bytes(b'no image')
    with pytest.raises(SystemExit, match='1 clips could not be read'):
        cache(cfg)
    said = capsys.readouterr().out
    assert '4 of 14 clips are there' in said
    assert '00002/1.jpg does not decode' in said
    (clips / '00002/1.jpg').write_bytes(content)
    resumed = cache(cfg)
    said = capsys.readouterr().out
    assert '13 of 14 clips are there' in said
    assert 'all 14 clips' in said
    assert len(calls) == 6 + 9 + 1
    shapes = {name: rows.shape for name, rows in resumed.items()}
    assert shapes == {f'{n:05}': (10 if n == 1 else 11, 32) for n in range(1, 15)}
    shutil.rmtree(corpus / 'features')
    for name, rows in cache(cfg).items():
        np.testing.assert_array_equal(resumed[name], rows)


def test_joined_and_repeated_datasets_are_cached_and_trained_from(corpus, work_dir, cache):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, work_dir / 'run')
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=inner), inner]
    )
    assert len(cache(cfg)) == 14
    cfg.train_cfg.max_epochs = 1
    start(cfg).train()
    inner.pipeline[0].cache = str(work_dir / 'other')
    with pytest.raises(ValueError, match='lacks the features of 7 of 7 clips'):
        start(cfg).train()
    cache(cfg)
    assert len(list((work_dir / 'other').rglob('*.safetensors'))) == 7


def test_a_config_without_features_is_refused(corpus, work_dir, cache):
    with pytest.raises(SystemExit, match='expected FrameFeaturesInit in the pipelines'):
        cache(frozen_config('dferclip_dfew_frozen', corpus, work_dir / 'run'))
