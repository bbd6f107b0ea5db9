"""A checkpoint's temperature: a file beside it, which evaluation, analysis and export read."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .checks.arguments import is_recall_metric
from .lookup import build_without_pipeline, list_metrics


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


def use_calibration(
    cfg: Config, checkpoint: str | None, split: str | None = None
) -> dict[str, Any]:
    """Let a config's head have the checkpoint's temperature, if it has one and the config none.

    The config's model is not built yet; a checkpoint that is no file has no calibration. With a
    `split`, which will be reported, the temperature is not used where it was fitted on its clips.
    Returns the file's content, empty where it is not used. Raises ValueError when the file belongs
    to another checkpoint.
    """
    head = cfg.model.get('cls_head') or {}
    path = calibration_file(checkpoint or '-')
    if checkpoint is None or not path.is_file() or 'temperature' in head:
        return {}
    content = json.loads(path.read_text(encoding='utf-8'))
    if content.get('checkpoint_sha256') != checkpoint_hash(checkpoint):
        raise ValueError(
            f'{path} was fitted to another file than {checkpoint} is now: run tools/calibrate.py '
            'again, or remove the file'
        )
    if common := {*content['fitted_on']}.intersection(list_clips(cfg, split) if split else ()):
        told = f'warning: the temperature in {path} is not used, because it was fitted on '
        told += f'{len(common)} of the {split} clips'
        content = {}
    else:
        head['temperature'] = content['temperature']
        told = f'scores have the temperature {content["temperature"]:.3f} of {path}'
    if os.environ.get('RANK', '0') == '0':
        print(told, file=sys.stderr)
    return content


def abstain(cfg: Config, calibration: Mapping[str, Any]) -> None:
    """Let a config's test report coverage and error of the answers above a calibration's threshold.

    Raises ValueError when there is no calibration, or no RecallMetric to report.
    """
    if not calibration:
        raise ValueError(
            '--abstain needs a temperature and threshold that were not fitted on the test clips: '
            'run tools/calibrate.py on other clips (val_fraction, as in '
            'configs/dferclip_dfew_val10.py), or test on other clips'
        )
    metrics = list_metrics(cfg.test_evaluator)
    reporting = [each for each in metrics if is_recall_metric(each)]
    if not reporting:
        raise ValueError('--abstain needs RecallMetric in test_evaluator, which reports it')
    # Rounded down: the surest answers may be as sure as it.
    threshold = f'{math.floor(1e6 * calibration["selective"]["threshold"]) / 1e6:.6f}'
    for each in reporting:
        names = [f'coverage@{threshold}', f'error@{threshold}']
        each['measures'] = [*(each.get('measures') or ()), *names]
