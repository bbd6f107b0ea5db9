"""Training behind a frozen encoder at small size, from pixels and from cached features."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import open_clip
import torch
from mini_corpora import write_dfew
from mmengine.config import Config
from small_runs import ARCH, CONFIGS, SIDE, small_config


def write_corpus(root: Path, folds: int = 1) -> Path:
    """A small DFEW below `root`, clips of 11 frames; weights of a small CLIP beside it."""
    write_dfew(root / 'DFEW', num_frames=11, folds=folds)
    write_weights(root / 'clip.pt', seed=0)
    return root


def write_weights(path: Path, seed: int) -> Path:
    """A weights file of a small CLIP."""
    torch.manual_seed(seed)
    torch.save(open_clip.CLIP(**ARCH).state_dict(), path)
    return path


def run_cache_frames(cfg: Config) -> None:
    """Run tools/cache_frames.py on a config."""
    path = f'{cfg.work_dir}.py'
    cfg.dump(path)
    with patch.object(sys, 'argv', ['cache_frames.py', path, '--workers', '0']):
        runpy.run_path(str(CONFIGS.parent / 'tools/cache_frames.py'), run_name='__main__')


def frozen_config(name: str, root: Path, work_dir: Path, **options: Any) -> Config:
    """`dferclip_dfew_frozen` or `dferclip_dfew_frozen_cached` at small size.

    `options` are merged into the `FrameFeaturesInit` of all pipelines.
    """
    cfg = small_config(name, root, work_dir)
    for tower in (cfg.model.backbone, cfg.model.cls_head.text_encoder):
        tower.pretrained = str(root / 'clip.pt')
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.dataset.data_root = str(root / 'DFEW')
        first = loader.dataset.pipeline[0]
        if first.type == 'FrameFeaturesInit':
            first.update(cache=str(root / 'features'), **options)
            for step in first.pixels:
                if 'size' in step:
                    step.size = SIDE
    cfg.train_cfg.max_epochs = 2
    return cfg
