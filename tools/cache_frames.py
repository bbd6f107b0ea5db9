"""Compute the features of all frames once: ``python tools/cache_frames.py CONFIG [options]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from tqdm import tqdm

from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
from dferclip_mm.engine.run import friendly_errors, load_config
from dferclip_mm.files import check_free_space
from dferclip_mm.precompute.encode_frames import (
    cache_frames,
    estimate_bytes,
    identity_of,
    unique_clips,
)
from dferclip_mm.precompute.feature_cache_writer import FrameCacheWriter


def parse_arguments() -> argparse.Namespace:
    """Config and pace."""
    parser = argparse.ArgumentParser(
        description='Write the features of every frame of every clip of all splits, and so of all '
        'folds, into the folder that the config reads them from. Started again after an '
        'interruption, or with more or changed clips, it computes what is missing.'
    )
    parser.add_argument('config', help='config whose pipelines begin with OpenFrameFeatures')
    parser.add_argument('--batch-size', type=int, default=64, help='frames at a time')
    parser.add_argument('--workers', type=int, default=2, help='processes that decode clips')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in train.py')
    return parser.parse_args()


def cache_settings(cfg: Config) -> dict[str, Any]:
    """The `OpenFrameFeatures` of a config, which all its pipelines share.

    Raises:
        SystemExit: when there is none, or there are several.
    """
    found: list[dict[str, Any]] = []
    for dataset in dataset_configs(cfg):
        for step in dataset.get('pipeline', ()):
            if step['type'] == 'OpenFrameFeatures' and step not in found:
                found.append(step)
    if len(found) != 1:
        raise SystemExit(
            f'error: expected one OpenFrameFeatures, the same in all pipelines, found {len(found)}:'
            ' see configs/dferclip_dfew_frozen_cached.py'
        )
    return found[0]


def main() -> None:
    """State the size, then compute what is missing."""
    args = parse_arguments()
    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        settings = cache_settings(cfg)
        pixels = settings['pixels']
        parts = {key: cfg.model[key] for key in ('type', 'backbone', 'data_preprocessor')}
        model = MODELS.build(parts).eval()
        width = model.backbone.visual.output_dim
        dtype = settings.get('dtype', 'float32')
        identity = {**identity_of(model), 'pixels': pixels, 'dtype': dtype, 'width': width}
        model.to('cuda' if torch.cuda.is_available() else 'cpu')
        datasets = build_without_pipeline(cfg)
        items = unique_clips(datasets)
        with FrameCacheWriter(settings['cache'], identity, datasets[0].data_root) as writer:
            left = [item for item in items if not writer.holds(item['filename'])]
            size = estimate_bytes(left, width * np.dtype(dtype).itemsize)
            print(
                f'{settings["cache"]}: {len(items) - len(left)} of {len(items)} clips are there; '
                f'the others take about {size / 2**20:.1f} MiB',
                flush=True,
            )
            advice = "choose another folder as `cache`, or dtype='float16'"
            check_free_space(Path(settings['cache']), size, advice)
            unread = cache_frames(
                model,
                left,
                writer,
                pixels,
                batch_size=args.batch_size,
                num_workers=args.workers,
                progress=lambda clips: tqdm(clips, desc='Caching', unit='clip'),
            )
    for reason in unread:
        print(f'not read: {reason}')
    if unread:
        raise SystemExit(f'error: {len(unread)} clips could not be read and are not in the cache')
    print(f'wrote {settings["cache"]}: all {len(items)} clips')


if __name__ == '__main__':
    main()
