"""Training steps of several clips: against the image encoder, from a cache, and over size."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from .frozen import cached_rows, cached_runs
from .measure import Run, interleaved
from .memory import extend_positions, memory_growth
from .models import Case, backward
from .table import Row, ratio_row


def batches(
    model: Any, config: str, picture: Path, clips: int = 4, frames: int = 64, rounds: int = 3
) -> list[Row]:
    """The rows of steps of several clips or many frames; plots memory and time.

    All of them share one measurement, since its steps are long.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads cached features.
        picture: path of the plot.
        clips: B.
        frames: of the longest clip.
        rounds: of the measurement.
    """
    # Before an optimizer references the position embedding.
    extend_positions(model.train(), frames)
    case = Case(model, clips)

    def step(clips: int, frames: int = 16) -> Run:
        return backward(model, Case(model, clips, frames).fast)

    with tempfile.TemporaryDirectory() as folder:
        cached = cached_runs(model, config, Path(folder), clips)
        runs = {
            'one': step(1),
            'fast': backward(model, case.fast),
            'encoder': case.encoder_step,
            'reference': backward(model, case.reference),
            **cached,
            'long': step(1, frames),
        }
        # Only the short steps warm up: a round of the long ones takes a minute.
        for name in ('one', *cached):
            runs[name]()
        found = interleaved(runs, rounds, warm=False)
        shape = interleaved({'8': step(1, 8), 'two': step(2)}, 1, warm=False)
    model.zero_grad()
    middle = {name: statistics.median(times) for name, times in {**found, **shape}.items()}
    over_frames = {8: middle['8'], 16: middle['one'], frames: middle['long']}
    over_clips = {1: middle['one'], 2: middle['two'], clips: middle['fast']}
    return [
        ratio_row(
            f'training, {clips} clips ÷ image encoder', found['fast'], found['encoder'], '≤ 0.94'
        ),
        ratio_row(f'reference ÷ ours, {clips} clips', found['reference'], found['fast']),
        ratio_row(
            f'training, seconds per frame, {frames} frames ÷ 16',
            [seconds * 16 / frames for seconds in found['long']],
            found['one'],
        ),
        ratio_row(
            f'training, seconds per clip, {clips} clips ÷ 1',
            [seconds / clips for seconds in found['fast']],
            found['one'],
        ),
        *cached_rows(found, clips),
        *memory_growth(model, picture, over_frames, over_clips),
    ]
