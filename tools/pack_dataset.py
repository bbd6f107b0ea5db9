"""Decode a dataset once: ``python tools/pack_dataset.py CONFIG FOLDER [options]``."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    from dferclip_mm.precompute.clip_store import ClipStore
    from dferclip_mm.precompute.source_clips import SourceClip


def parse_arguments() -> argparse.Namespace:
    """Config and target."""
    parser = argparse.ArgumentParser(
        description='Write the decoded frames of all clips of a config, in their own size, so that '
        'a run reads the same pixels several times faster. The clips themselves are not changed. '
        'Started again after an interruption, it packs what is missing and what has changed.'
    )
    parser.add_argument('config', help='config whose clips are packed, those of all its splits')
    parser.add_argument('folder', type=Path, help='where the packed clips go')
    parser.add_argument('--workers', type=int, default=2, help='processes that decode clips')
    add_data_options(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def pack(store: ClipStore, clips: list[SourceClip], workers: int) -> None:
    """State the size, then pack what is missing.

    Raises:
        SystemExit: when the disk is too small, or a clip cannot be read.
    """
    from tqdm import tqdm

    from dferclip_mm.files import check_free_space
    from dferclip_mm.media.errors import ClipReadError
    from dferclip_mm.precompute.packed_clips import pack_clip, packed_bytes
    from dferclip_mm.precompute.source_clips import estimate_bytes, map_clips

    left = store.find_outdated(
        clips, lambda found: tqdm(found, total=len(clips), desc='Comparing', unit='clip')
    )
    size = estimate_bytes(left, packed_bytes)
    print(
        f'{store.folder}: {len(clips) - len(left)} of {len(clips)} clips are there; the others '
        f'take about {size / 2**30:.3g} GiB',
        flush=True,
    )
    check_free_space(store.folder, size)
    results = map_clips(partial(pack_clip, store=store), left, workers)
    packed = tqdm(results, total=len(left), desc='Packing', unit='clip')
    unread = [result for result in packed if isinstance(result, ClipReadError)]
    for reason in unread:
        print(f'not read: {reason}')
    if unread:
        raise SystemExit(f'error: {len(unread)} clips could not be read and are not packed')


def main() -> None:
    """Pack, and say how a run reads the packs."""
    args = parse_arguments()

    from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.media.packed import FORMAT
    from dferclip_mm.precompute.clip_store import ClipStore
    from dferclip_mm.precompute.source_clips import find_source_clips

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        pipelines = [settings.get('pipeline', ()) for settings in dataset_configs(cfg)]
        clips = find_source_clips(build_without_pipeline(cfg), pipelines)
        folder = args.folder.absolute()
        inside = [clip.path for clip in clips if folder.resolve().is_relative_to(clip.path)]
        if inside:
            raise SystemExit(f'error: {folder} lies in the clip {inside[0]}: choose another')
        store = ClipStore(args.folder, FORMAT)
        pack(store, clips, args.workers)
        # A wrapper, such as ConcatDataset, has no such option of its own.
        loaders = {part: cfg.get(f'{part}_dataloader') for part in ('train', 'val', 'test')}
        options = [
            f'{part}_dataloader.dataset.data_prefix.clips={folder}'
            for part, loader in loaders.items()
            if loader and 'data_root' in loader.dataset
        ]
        print(
            f'wrote {args.folder}: all {len(clips)} clips; read them by data_prefix.clips={folder} '
            'of each dataset:\n  ' + ' \\\n  '.join(['--cfg-options', *options])
        )


if __name__ == '__main__':
    run_program(main)
