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
