"""A checkpoint's temperature: a file beside it, which evaluation, analysis and export read."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

from .lookup import build_without_pipeline


def calibration_file(checkpoint: str | Path) -> Path:
    """``epoch_20.calibration.json`` beside ``epoch_20.pth``."""
    return Path(checkpoint).expanduser().with_suffix('.calibration.json')


def checkpoint_hash(checkpoint: str | Path) -> str:
    """By which a calibration knows its checkpoint."""
    return hashlib.sha256(Path(checkpoint).expanduser().read_bytes()).hexdigest()


def list_clips(cfg: Config, split: str) -> list[str]:
    """The names of a split's clips."""
    datasets = build_without_pipeline(cfg, (split,))
    return clip_names(
        each.get_data_info(index)['filename'] for each in datasets for index in range(len(each))
    )


def clip_names(paths: Iterable[str]) -> list[str]:
    """The last three parts of each path, which are the same on every machine."""
    return ['/'.join(Path(path).parts[-3:]) for path in paths]


def use_calibration(cfg: Config, checkpoint: str | None, split: str | None = None) -> None:
    """Let a config's head have the checkpoint's temperature, if it has one and the config none.

    Args:
        cfg: before its model is built.
        checkpoint: a file; what is none has no calibration.
        split: that will be reported; the temperature is not used where it was fitted on its clips.

    Raises:
        ValueError: when the file belongs to another checkpoint.
    """
    head = cfg.model.get('cls_head') or {}
    path = calibration_file(checkpoint or '-')
    if checkpoint is None or not path.is_file() or 'temperature' in head:
        return
    content = json.loads(path.read_text(encoding='utf-8'))
    if content.get('checkpoint_sha256') != checkpoint_hash(checkpoint):
        raise ValueError(
            f'{path} was fitted to another file than {checkpoint} is now: run tools/calibrate.py '
            'again, or remove the file'
        )
    clips = list_clips(cfg, split) if split else ()
    common = set(content['fitted_on']).intersection(clips)
    if common:
        told = f'warning: the temperature in {path} is not used, because it was fitted on '
        told += f'{len(common)} of the {split} clips'
    else:
        head['temperature'] = content['temperature']
        told = f'scores have the temperature {content["temperature"]:.3f} of {path}'
    if os.environ.get('RANK', '0') == '0':
        print(told, file=sys.stderr)
