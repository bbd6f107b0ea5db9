"""A run from stale features stops before its first step."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
from frozen_runs import frozen_config, write_corpus, write_weights
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope
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


def other_weights(cfg, root):
    cfg.model.backbone.pretrained = str(write_weights(root / 'other.pt', seed=1))


def other_activation(cfg, root):
    """The same weights, with another function between them."""
    cfg.model.backbone.arch.quick_gelu = False


def other_heads(cfg, root):
    """The same weights, in another number of heads."""
    cfg.model.backbone.arch.vision_cfg.head_width = 32


def other_mean(cfg, root):
    cfg.model.data_preprocessor.update(mean=[1, 1, 1])


def other_order_of_channels(cfg, root):
    cfg.model.data_preprocessor.update(to_rgb=True)


def no_longer_frozen(cfg, root):
    cfg.model.backbone.frozen = False


@pytest.mark.promise(
    'Precomputed data', 'Cached features of another model or preprocessing are refused'
)
@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (other_weights, r'weights: stored are features of \w{16}, expected \w{16}'),
        (other_activation, 'encoder: stored are'),
        (other_heads, 'encoder: stored are'),
        (other_mean, 'data_preprocessor: stored are'),
        (other_order_of_channels, 'data_preprocessor: stored are'),
        (no_longer_frozen, 'frozen weights that can be loaded again'),
    ],
)
def test_another_model_is_refused(corpus, tmp_path, change, said):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    change(cfg, corpus)
    with pytest.raises(ValueError, match=said) as found:
        start(cfg).train()
    if change is not no_longer_frozen:
        assert len(set(re.findall(r'fingerprint (\w{16})', str(found.value)))) == 2


def test_another_model_is_refused_in_testing(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    other_weights(cfg, corpus)
    with pytest.raises(ValueError, match='weights: stored are'):
        start(cfg).test()


@pytest.mark.parametrize('change', [dict(dtype='float16'), dict(pixels=[dict(type='ClipDecode')])])
def test_other_pixels_are_refused_when_the_data_set_is_built(corpus, tmp_path, change):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.train_dataloader.dataset.pipeline[0].update(change)
    with pytest.raises(ValueError, match=f'{next(iter(change))}: stored are features of'):
        DATASETS.build(cfg.train_dataloader.dataset)


def test_a_clip_that_is_not_there_is_named_at_the_start(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    other = write_corpus(tmp_path / 'more')
    (other / 'DFEW/Clip/clip_224x224/00005').rename(other / 'DFEW/Clip/clip_224x224/00077')
    path = other / 'DFEW/EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
    path.write_text(path.read_text().replace('\n5,', '\n77,'))
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.data_root = str(other / 'DFEW')
    with pytest.raises(ValueError, match=r'lacks 1 of 7 clips, first .*00077: run tools/cache'):
        start(cfg).train()


def test_nothing_is_given_out_without_the_hook(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    cfg.default_hooks.pop('frame_cache')
    with pytest.raises(ValueError, match=r"add dict\(type='FrameCacheHook'\) to custom_hooks"):
        start(cfg).train()


def test_a_changed_clip_stops_the_run_and_is_not_replaced(corpus, tmp_path):
    init_default_scope('mmaction')
    root = tmp_path / 'copy'
    write_corpus(root)
    cfg = frozen_config('dferclip_dfew_frozen_cached', corpus, tmp_path)
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.data_root = str(root / 'DFEW')
    (root / 'DFEW/Clip/clip_224x224/00009/3.jpg').unlink()
    with pytest.raises(ValueError, match=r'00009 is not the clip whose features'):
        start(cfg).train()


def test_runs_from_pixels_are_left_alone(corpus, tmp_path):
    cfg = frozen_config('dferclip_dfew_frozen', corpus, tmp_path)
    cfg.custom_hooks.append(dict(type='FrameCacheHook'))
    start(cfg).test()
