"""Decode a data set once: ``python tools/pack_dataset.py CONFIG FOLDER [options]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction
from mmengine.registry import init_default_scope
from tqdm import tqdm

from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
from dferclip_mm.engine.run import friendly_errors, load_config
from dferclip_mm.files import check_free_space
from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.precompute.packed_clips import PackedFolder, name_clips, openers_of, plan_clip


def parse_arguments() -> argparse.Namespace:
    """Config and target."""
    parser = argparse.ArgumentParser(
        description='Write the decoded frames of all clips of a config, whole and in their own '
        'size, so that a run reads them several times faster and gets the same pixels: set '
        "data_prefix=dict(clips='FOLDER') of its data sets. The clips themselves stay as they "
        'are. Started again after an interruption, it goes on where it stopped; clips that have '
        'changed are packed anew.'
    )
    parser.add_argument('config', help='config whose clips are packed, those of all its splits')
    parser.add_argument('folder', type=Path, help='where the packed clips go')
    parser.add_argument(
        '--verify', action='store_true', help='write nothing; check every byte by its SHA-256'
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in train.py')
    return parser.parse_args()


def verify(packed: PackedFolder, clips: dict[str, str]) -> None:
    """Check all clips.

    Raises:
        SystemExit: when something is wrong with one.
    """
    checked = tqdm(packed.verify(clips), total=len(clips), desc='Checking', unit='clip')
    wrong = [problem for problem in checked if problem]
    for problem in wrong:
        print(problem)
    if wrong:
        raise SystemExit(f'error: {len(wrong)} of {len(clips)} clips: pack them again')
    print(f'{packed.folder}: all {len(clips)} clips are as they were packed')


def pack(packed: PackedFolder, clips: dict[str, str]) -> None:
    """State the size, then pack what is missing.

    Raises:
        SystemExit: when the disk has no room, or a clip cannot be read.
    """
    unread, planned, there = [], [], 0
    for name, path in tqdm(clips.items(), desc='Looking', unit='clip'):
        try:
            if packed.is_done(name, path):
                there += 1
            else:
                planned.append(plan_clip(name, path, packed.opener(path)))
        except ClipReadError as error:
            unread.append(str(error))
    size = sum(clip.bytes for clip in planned)
    frames = sum(clip.frames for clip in planned)
    print(
        f'{packed.folder}: {there} of {len(clips)} clips are there; the others, '
        f'{frames} frames, take about {size / 2**30:.3g} GiB',
        flush=True,
    )
    check_free_space(packed.folder, size)
    with packed.writing(), tqdm(total=size, desc='Packing', unit='B', unit_scale=True) as done:
        for clip in planned:
            try:
                packed.add(clip.name, clip.path)
            except ClipReadError as error:
                unread.append(str(error))
            done.update(clip.bytes)
    for reason in unread:
        print(f'not read: {reason}')
    if unread:
        raise SystemExit(f'error: {len(unread)} clips could not be read and are not packed')
    print(
        f'wrote {packed.folder}: all {len(clips)} clips; read them by '
        f"data_prefix=dict(clips='{packed.folder.absolute()}')"
    )


def main() -> None:
    """Pack or verify."""
    args = parse_arguments()
    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        datasets = build_without_pipeline(cfg)
        clips = name_clips(datasets)
        inside = [path for path in clips.values() if args.folder.resolve().is_relative_to(path)]
        if inside:
            raise SystemExit(f'error: {args.folder} lies in the clip {inside[0]}: choose another')
        pipelines = [settings.get('pipeline', ()) for settings in dataset_configs(cfg)]
        packed = PackedFolder(args.folder, openers_of(datasets, pipelines))
        if args.verify:
            verify(packed, clips)
        else:
            pack(packed, clips)


if __name__ == '__main__':
    main()
