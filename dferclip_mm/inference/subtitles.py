"""Segments as subtitles, and times as people read them."""

from __future__ import annotations

import pandas as pd


def format_subtitles(segments: pd.DataFrame, *, point: str = ',') -> str:
    """A cue for each segment, as SubRip has them; with ``point='.'`` as WebVTT after its header."""
    ordered = segments.sort_values(['start', 'track']).itertuples()
    return '\n'.join(
        f'{number}\n{_clock(row.start, point)} --> {_clock(row.end, point)}\n'
        f'face {row.track}: {row.label} {row.score:.0%}\n'
        for number, row in enumerate(ordered, start=1)
    )


def format_time(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``, with tenths where they are not 0."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    clock = f'{minutes // 60}:{minutes % 60:02}' if minutes >= 60 else f'{minutes}'
    return f'{clock}:{tenths // 10:02}' + (f'.{tenths % 10}' if tenths % 10 else '')


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}'
