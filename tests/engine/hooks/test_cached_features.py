"""A run from stale cached features stops before its first step."""

from __future__ import annotations

import pytest
from small_runs import frozen_config, run_tool, start, write_frozen_corpus, write_weights


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    """A small corpus with its features."""
    root = write_frozen_corpus(tmp_path_factory.mktemp('frozen'))
    cfg = frozen_config('dferclip_dfew_frozen_cached', root, root / 'run')
    cfg.dump(root / 'cached.py')
    run_tool('cache_frames', root / 'cached.py', '--workers', 0)
    return root


@pytest.mark.parametrize('action', ['train', 'test'])
def test_features_of_another_model_stop_the_run(corpus, tmp_path, action):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.model.backbone.pretrained = str(write_weights(corpus / 'other.pt', seed=1))
    with pytest.raises(ValueError, match='weights: expected'):
        getattr(start(cfg), action)()


def test_features_of_changed_clips_stop_the_run(corpus, tmp_path):
    root = write_frozen_corpus(tmp_path / 'copy')
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.val_dataloader.dataset.data_root = str(root / 'DFEW')
    (root / 'DFEW/Clip/clip_224x224/00002/3.jpg').unlink()
    with pytest.raises(ValueError, match=r'00002\.safetensors was computed from'):
        start(cfg).train()


def test_no_features_are_given_without_the_start_up_check(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.default_hooks.startup_check = None
    with pytest.raises(ValueError, match='were not checked against the model'):
        start(cfg).train()
