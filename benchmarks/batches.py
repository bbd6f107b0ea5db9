"""Training steps of several clips: beside the image encoder, from a cache, and as they grow."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from .frozen import cached_rows, cached_runs
from .measure import Run, interleaved
from .memory import allow_frames, growth
from .models import Case, backward
from .table import Row, compared


def batches(
    model: Any, config: str, picture: Path, clips: int = 4, frames: int = 64, rounds: int = 3
) -> list[Row]:
    """The rows of steps of several clips or many frames; memory and time are drawn.

    One measurement serves all, since its steps are long: four clips, a clip of as many frames, and
    what either is compared with.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads cached features.
        picture: the path of the drawing.
        clips: B.
        frames: of the longest clip.
        rounds: of what is compared.
    """
    # Before the optimisers take hold of the position table.
    allow_frames(model.train(), frames)
    case = Case(model, clips)

    def step(clips: int, frames: int = 16) -> Run:
        return backward(model, Case(model, clips, frames).fast)

    with tempfile.TemporaryDirectory() as folder:
        cached = cached_runs(model, config, Path(folder), clips)
        runs = {
            'one': step(1),
            'fast': backward(model, case.fast),
            'limit': case.encoder_step,
            'plain': backward(model, case.plain),
            **cached,
            'long': step(1, frames),
        }
        # Warmed by the short steps alone: a round of the long ones takes a minute.
        for name in ('one', *cached):
            runs[name]()
        found = interleaved(runs, rounds, warm=False)
        shape = interleaved({'8': step(1, 8), 'two': step(2)}, 1, warm=False)
    model.zero_grad()
    middle = {name: statistics.median(times) for name, times in {**found, **shape}.items()}
    over_frames = {8: middle['8'], 16: middle['one'], frames: middle['long']}
    over_clips = {1: middle['one'], 2: middle['two'], clips: middle['fast']}
    return [
        compared(
            f'training, {clips} clips ÷ image encoder', found['fast'], found['limit'], '≤ 0.94'
        ),
        compared(f'plain way ÷ ours, {clips} clips', found['plain'], found['fast']),
        compared(
            f'training, seconds per frame, {frames} frames ÷ 16',
            [seconds * 16 / frames for seconds in found['long']],
            found['one'],
        ),
        compared(
            f'training, seconds per clip, {clips} clips ÷ 1',
            [seconds / clips for seconds in found['fast']],
            found['one'],
        ),
        *cached_rows(found, clips),
        *growth(model, picture, over_frames, over_clips),
    ]
