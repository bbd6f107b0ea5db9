"""Segments as subtitles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..files import atomic_write


def write_srt(path: str | Path, segments: pd.DataFrame) -> None:
    """Write SubRip subtitles, a cue for each segment."""
    cues = _cues(segments, lambda time: _clock(time).replace('.', ','))
    numbered = (f'{number}\n{cue}\n' for number, cue in enumerate(cues, start=1))
    atomic_write(path, '\n'.join(numbered))


def write_vtt(path: str | Path, segments: pd.DataFrame) -> None:
    """Write WebVTT subtitles, a cue for each segment."""
    cues = (f'{cue}\n' for cue in _cues(segments, _clock))
    atomic_write(path, '\n'.join(['WEBVTT\n', *cues]))


def _cues(segments: pd.DataFrame, clock: Callable[[float], str]) -> list[str]:
    return [
        f'{clock(row.start)} --> {clock(row.end)}\nface {row.track}: {row.label} {row.score:.0%}'
        for row in segments.sort_values(['start', 'track']).itertuples()
    ]


def _clock(seconds: float) -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}'
