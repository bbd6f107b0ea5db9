"""Compute the features of all frames once: ``python tools/cache_frames.py CONFIG [options]``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    from mmengine.config import Config


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
    add_cfg_options(parser)
    return parser.parse_args()


def find_features(cfg: Config) -> list[dict[str, Any]]:
    """The different `FrameFeaturesInit` of a config; usually all datasets have the same one.

    Raises:
        SystemExit: when there is none.
    """
    from dferclip_mm.engine.lookup import dataset_configs

    found: list[dict[str, Any]] = []
    for dataset in dataset_configs(cfg):
        for step in dataset.get('pipeline', ()):
            if step['type'] == 'FrameFeaturesInit' and step not in found:
                found.append(step)
    if not found:
        raise SystemExit(
            'error: expected FrameFeaturesInit in the pipelines, found none: see '
            'configs/dferclip_dfew_frozen_cached.py'
        )
    return found


def compute(
    features: dict[str, Any], model: Any, datasets: list[Any], args: argparse.Namespace
) -> None:
    """State the size, then compute what is missing in one folder.

    Raises:
        SystemExit: when a clip cannot be read.
    """
    import numpy as np
    from tqdm import tqdm

    from dferclip_mm.files import check_free_space
    from dferclip_mm.precompute.clip_store import ClipStore
    from dferclip_mm.precompute.encode_frames import cache_frames
    from dferclip_mm.precompute.frame_features import FORMAT
    from dferclip_mm.precompute.frame_identity import find_identity
    from dferclip_mm.precompute.source_clips import estimate_bytes, find_source_clips

    dtype = features.get('dtype', 'float32')
    identity = find_identity(model, features['pixels'], dtype)
    store = ClipStore(features['cache'], FORMAT, identity)
    clips = find_source_clips(datasets, [()] * len(datasets))
    left = store.find_outdated(clips)
    frame_bytes = model.backbone.visual.output_dim * np.dtype(dtype).itemsize
    size = estimate_bytes(left, lambda reader: len(reader) * frame_bytes)
    print(
        f'{store.folder}: {len(clips) - len(left)} of {len(clips)} clips are there; the others '
        f'take about {size / 2**20:.1f} MiB',
        flush=True,
    )
    check_free_space(store.folder, size, "choose another folder as `cache`, or dtype='float16'")
    unread = cache_frames(
        model,
        left,
        store,
        features['pixels'],
        batch_size=args.batch_size,
        num_workers=args.workers,
        progress=lambda found: tqdm(found, total=len(left), desc='Caching', unit='clip'),
    )
    for reason in unread:
        print(f'not read: {reason}')
    if unread:
        raise SystemExit(f'error: {len(unread)} clips could not be read and have no features')
    print(f'wrote {store.folder}: all {len(clips)} clips')


def main() -> None:
    """Build the frozen image encoder, and fill each folder of features."""
    args = parse_arguments()

    import torch
    from mmaction.registry import MODELS

    from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        found = find_features(cfg)
        # Before the model, whose weights may be downloaded.
        settings, datasets = dataset_configs(cfg), build_without_pipeline(cfg)
        parts = {key: cfg.model[key] for key in ('type', 'backbone', 'data_preprocessor')}
        model = MODELS.build(parts).eval()
        model.to('cuda' if torch.cuda.is_available() else 'cpu')
        for features in found:
            readers = [
                dataset
                for dataset, setting in zip(datasets, settings, strict=True)
                if features in setting.get('pipeline', ())
            ]
            compute(features, model, readers, args)


if __name__ == '__main__':
    run_program(main)
