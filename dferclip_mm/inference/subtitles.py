"""Segments as subtitles, and times as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write

if TYPE_CHECKING:
    from .timeline import EmotionTimeline


def write_srt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as SubRip subtitles."""
    atomic_write(path, _cues(timeline, ','))


def write_vtt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as WebVTT subtitles."""
    atomic_write(path, 'WEBVTT\n\n' + _cues(timeline, '.'))


def _cues(timeline: EmotionTimeline, point: str) -> str:
    ordered = timeline.segments.sort_values(['start', 'track']).itertuples()
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
