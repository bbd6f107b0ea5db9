"""A run from stale cached features stops before its first step."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from frozen_runs import frozen_config, write_corpus, write_weights
from small_runs import start

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    """A small corpus with its cache."""
    root = write_corpus(tmp_path_factory.mktemp('frozen'))
    cfg = frozen_config('dferclip_dfew_frozen_cached', root, root / 'run')
    cfg.dump(str(root / 'cached.py'))
    before, sys.argv = sys.argv, ['cache_frames.py', str(root / 'cached.py'), '--workers', '0']
    try:
        runpy.run_path(str(ROOT / 'tools/cache_frames.py'), run_name='__main__')
    finally:
        sys.argv = before
    return root


@pytest.mark.parametrize('action', ['train', 'val', 'test'])
def test_features_of_another_model_stop_the_run(corpus, tmp_path, action):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.model.backbone.pretrained = str(write_weights(corpus / 'other.pt', seed=1))
    with pytest.raises(ValueError, match='weights: stored are'):
        getattr(start(cfg), action)()


def test_features_of_changed_clips_stop_the_run(corpus, tmp_path):
    root = write_corpus(tmp_path / 'copy')
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.val_dataloader.dataset.data_root = str(root / 'DFEW')
    (root / 'DFEW/Clip/clip_224x224/00002/3.jpg').unlink()
    with pytest.raises(ValueError, match=r'00002 is not the clip whose features'):
        start(cfg).train()


def test_no_features_are_given_without_the_hook(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.default_hooks.startup_check = None
    with pytest.raises(ValueError, match=r"add startup_check=dict\(type='StartupCheckHook'\)"):
        start(cfg).train()
