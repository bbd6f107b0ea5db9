"""Frame features are read only when they are of the run's model, pixels and clips."""

from __future__ import annotations

import numpy as np
import pytest
from mmaction.registry import DATASETS, MODELS
from mmengine.registry import init_default_scope
from small_runs import frozen_config, run_tool, write_frozen_corpus, write_weights

from dferclip_mm.media.errors import StaleFileError
from dferclip_mm.precompute import FrameFeaturesInit, check_frame_features
from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.frame_features import FORMAT, read_features, write_features
from dferclip_mm.precompute.source_clips import SourceState


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    """A small corpus with its features."""
    root = write_frozen_corpus(tmp_path_factory.mktemp('frozen'))
    cfg = frozen_config('dferclip_dfew_frozen_cached', root, root / 'run')
    cfg.dump(root / 'cached.py')
    run_tool('cache_frames', root / 'cached.py', '--workers', 0)
    return root


@pytest.fixture
def cfg(corpus, tmp_path):
    return frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)


def check(cfg):
    """As a run does at its start; the training clips."""
    init_default_scope('mmaction')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    check_frame_features(dataset, MODELS.build(cfg.model))
    return dataset


def test_features_of_other_weights_or_pixels_are_refused(cfg, corpus):
    other = cfg.copy()
    other.model.backbone.pretrained = str(write_weights(corpus / 'other.pt', seed=1))
    with pytest.raises(StaleFileError, match=r'weights: expected \w{16}, found \w{16}'):
        check(other)
    cfg.train_dataloader.dataset.pipeline[0].pixels = [dict(type='ClipDecode')]
    with pytest.raises(StaleFileError, match='pixels: expected'):
        check(cfg)


def test_missing_and_changed_clips_are_refused_at_the_start(cfg, tmp_path):
    other = write_frozen_corpus(tmp_path / 'copy')
    cfg.train_dataloader.dataset.data_root = str(other / 'DFEW')
    assert len(check(cfg)) == 7  # a copy of the dataset is the same dataset
    (other / 'DFEW/Clip/clip_224x224/00009/3.jpg').unlink()
    with pytest.raises(StaleFileError, match=r'was computed from .*00009, not .*copy.*00009'):
        check(cfg)
    cfg.train_dataloader.dataset.pipeline[0].cache = str(tmp_path / 'none')
    with pytest.raises(StaleFileError, match=r'lacks the features of 7 of 7 clips, .*00001: run'):
        check(cfg)


def test_features_that_were_not_checked_are_not_read(cfg):
    init_default_scope('mmaction')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    with pytest.raises(StaleFileError, match='were not checked against the model'):
        dataset[0]


@pytest.fixture
def source(tmp_path, frames):
    return SourceState.of(str(frames(tmp_path / 'clip', 2)))


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_features_are_read_as_float32(tmp_path, source, dtype):
    store = ClipStore(tmp_path, FORMAT, dict(dtype=dtype))
    features = np.random.default_rng(0).standard_normal((6, 500)).astype(np.float32)
    write_features(store, 'clip', features, source)
    found = read_features(store.file('clip'))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, features.astype(dtype).astype(np.float32))
    size = features.size * np.dtype(dtype).itemsize
    assert store.file('clip').stat().st_size == pytest.approx(size, abs=600)


@pytest.mark.parametrize(('value', 'dtype'), [(np.nan, 'float32'), (1e6, 'float16')])
def test_values_that_are_not_finite_are_refused(tmp_path, source, value, dtype):
    store = ClipStore(tmp_path, FORMAT, dict(dtype=dtype))
    with pytest.raises(ValueError, match=f'clip: expected finite features as {dtype}'):
        write_features(store, 'clip', np.full((2, 3), value, np.float32), source)


def test_an_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="dtype='int8': expected one of float32, float16"):
        FrameFeaturesInit('cache', [], dtype='int8')
