"""Compute the features of all frames once: ``python tools/cache_frames.py CONFIG [options]``."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from tqdm import tqdm

from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
from dferclip_mm.engine.options import add_data_options, merge_data_options
from dferclip_mm.engine.run import friendly_errors, load_config
from dferclip_mm.files import check_free_space
from dferclip_mm.precompute.encode_frames import cache_frames
from dferclip_mm.precompute.frame_features import frame_store
from dferclip_mm.precompute.frame_identity import find_identity
from dferclip_mm.precompute.source_clips import estimate_bytes, find_source_clips


def parse_arguments() -> argparse.Namespace:
    """Config and pace."""
    parser = argparse.ArgumentParser(
        description='Write the features of every frame of every clip of all splits, and so of all '
        'folds, into the folder that the config reads them from. Started again after an '
        'interruption, or with more or changed clips, it computes what is missing.'
    )
    parser.add_argument('config', help='config whose pipelines begin with FrameFeaturesInit')
    parser.add_argument('--batch-size', type=int, default=64, help='frames at a time')
    parser.add_argument('--workers', type=int, default=2, help='processes that decode clips')
    add_data_options(parser)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in train.py')
    return parser.parse_args()


def cache_settings(cfg: Config) -> dict[str, Any]:
    """The `FrameFeaturesInit` of a config, which all its pipelines share.

    Raises:
        SystemExit: when there is none, or there are several.
    """
    found: list[dict[str, Any]] = []
    for dataset in dataset_configs(cfg):
        for step in dataset.get('pipeline', ()):
            if step['type'] == 'FrameFeaturesInit' and step not in found:
                found.append(step)
    if len(found) != 1:
        raise SystemExit(
            f'error: expected one FrameFeaturesInit, the same in all pipelines, found {len(found)}:'
            ' see configs/dferclip_dfew_frozen_cached.py'
        )
    return found[0]


def main() -> None:
    """State the size, then compute what is missing."""
    args = parse_arguments()
    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        merge_data_options(cfg, args.data_root, args.fold)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        settings = cache_settings(cfg)
        pixels, dtype = settings['pixels'], settings.get('dtype', 'float32')
        parts = {key: cfg.model[key] for key in ('type', 'backbone', 'data_preprocessor')}
        model = MODELS.build(parts).eval()
        store = frame_store(settings['cache'], find_identity(model, pixels, dtype))
        model.to('cuda' if torch.cuda.is_available() else 'cpu')
        pipelines = [dataset.get('pipeline', ()) for dataset in dataset_configs(cfg)]
        clips = find_source_clips(build_without_pipeline(cfg), pipelines)
        missing = set(store.find_outdated({clip.name: clip.path for clip in clips}))
        left = [clip for clip in clips if clip.name in missing]
        frame_bytes = model.backbone.visual.output_dim * np.dtype(dtype).itemsize
        size = estimate_bytes(left, lambda reader: len(reader) * frame_bytes)
        print(
            f'{store.folder}: {len(clips) - len(left)} of {len(clips)} clips are there; the others '
            f'take about {size / 2**20:.1f} MiB',
            flush=True,
        )
        advice = "choose another folder as `cache`, or dtype='float16'"
        check_free_space(store.folder, size, advice)
        unread = cache_frames(
            model,
            left,
            store,
            pixels,
            batch_size=args.batch_size,
            num_workers=args.workers,
            progress=lambda found: tqdm(found, total=len(left), desc='Caching', unit='clip'),
        )
    for reason in unread:
        print(f'not read: {reason}')
    if unread:
        raise SystemExit(f'error: {len(unread)} clips could not be read and have no features')
    print(f'wrote {store.folder}: all {len(clips)} clips')


if __name__ == '__main__':
    main()
