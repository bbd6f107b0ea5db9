"""A part of a longer video as a clip: ``talk.mp4#t=12.000,15.500`` (W3C's Media Fragments)."""

from __future__ import annotations

import re

_SPAN = re.compile(r'(.+)#t=([0-9]+\.[0-9]{3}),([0-9]+\.[0-9]{3})', re.DOTALL)


def format_span(start: float, end: float) -> str:
    """What follows a video's path for its part from ``start`` to ``end`` seconds."""
    return f'#t={start:.3f},{end:.3f}'


def split_span(path: str) -> tuple[str, tuple[float, float] | None]:
    """The path of a file, and the seconds of the part that is meant; None for the whole."""
    found = _SPAN.fullmatch(path)
    return (found[1], (float(found[2]), float(found[3]))) if found else (path, None)
