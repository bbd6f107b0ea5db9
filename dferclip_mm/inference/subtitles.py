"""Segments as subtitles."""

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


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}'
