"""A checkpoint's temperature: a file beside it, which evaluation, analysis and export read."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..files import write_json
from .lookup import build_without_pipeline


def calibration_file(checkpoint: str | Path) -> Path:
    """``epoch_20.calibration.json`` beside ``epoch_20.pth``."""
    return Path(checkpoint).with_suffix('.calibration.json')


def write_calibration(checkpoint: str | Path, **content: Any) -> Path:
    """Write what was measured: ``temperature``, ``fitted_on``, the names of clips, and more."""
    path = calibration_file(checkpoint)
    write_json(path, dict(**content, checkpoint_sha256=_sha256(checkpoint)))
    return path


def list_clips(cfg: Config, split: str) -> list[str]:
    """The clips of a split: the ends of their paths, which are the same on every machine."""
    return clip_names(
        each.get_data_info(index)['filename']
        for each in build_without_pipeline(cfg, [split])
        for index in range(len(each))
    )


def clip_names(paths: Iterable[str]) -> list[str]:
    """The last three parts of each path."""
    return ['/'.join(Path(path).parts[-3:]) for path in paths]


def use_calibration(cfg: Config, checkpoint: str | None, split: str | None = None) -> None:
    """Let a config's head have the checkpoint's temperature, if it has one and the config none.

    Args:
        cfg: before its model is built.
        checkpoint: a file; what is none has no calibration.
        split: that will be reported; the temperature is not used where it was fitted on its clips.

    Raises:
        ValueError: when the file belongs to another checkpoint, or is damaged.
    """
    head = cfg.model.get('cls_head') or {}
    path = calibration_file(checkpoint) if checkpoint else None
    if path is None or not path.is_file() or 'temperature' in head:
        return
    again = 'run tools/calibrate.py again, or remove the file'
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        temperature, fitted = float(content['temperature']), set(content['fitted_on'])
        of_other = content['checkpoint_sha256'] != _sha256(str(checkpoint))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is no file of tools/calibrate.py ({error!r}): {again}') from error
    if of_other:
        raise ValueError(f'{path} was fitted to another file than {checkpoint} is now: {again}')
    common = fitted.intersection(list_clips(cfg, split)) if split else ()
    if common:
        message = (
            f'warning: the temperature in {path} is not used, because it was fitted on '
            f'{len(common)} of the {split} clips'
        )
    else:
        head['temperature'] = temperature
        message = f'scores have the temperature {temperature:.3f} of {path}'
    if os.environ.get('RANK', '0') == '0':
        print(message, file=sys.stderr)


def _sha256(path: str | Path) -> str:
    digest = hashlib.sha256()
    with Path(path).open('rb') as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
