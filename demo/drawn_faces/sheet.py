"""A contact sheet: all expressions on one picture, to judge the drawing by eye."""

from __future__ import annotations

import cv2
import numpy as np

from .clips import draw_clip
from .expressions import CLASSES
from .identities import random_identity
from .strokes import Image

_MARGIN = 90
_HEADER = 26
_INK = (30, 30, 36)


def contact_sheet(*, moments: int = 5, people: int = 7, size: int = 112, seed: int = 0) -> Image:
    """Draw a table of faces with one row for each expression.

    The first columns are moments of one clip from its start to its end, the others the apex of
    one clip each by other people.

    Args:
        moments: columns of the first kind.
        people: columns of the second kind.
        size: side of each face in pixels.
        seed: of everything drawn.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: when there would be no column.
    """
    if moments < 0 or people < 0 or moments + people == 0:
        raise ValueError(
            f'Expected moments and people of 0 or more and not both 0, found {moments} and '
            f'{people}; ask for at least one column.'
        )
    num_frames = 20
    rng = np.random.default_rng(seed)
    cast = [random_identity(rng) for _ in range(people + len(CLASSES))]
    rows = []
    for row, emotion in enumerate(CLASSES):
        first = draw_clip(
            cast[people + row], emotion, num_frames=num_frames, size=size, rng=rng
        ).frames
        times = np.linspace(0, num_frames - 1, moments).round().astype(int)
        cells = list(first[times])
        for person in range(people):
            clip = draw_clip(cast[person], emotion, num_frames=num_frames, size=size, rng=rng)
            cells.append(clip.frames[clip.apex])
        label = np.full((size, _MARGIN, 3), 255, dtype=np.uint8)
        _write(label, emotion, left=4, baseline=size // 2 + 5)
        rows.append(np.concatenate([label, *cells], axis=1))
    header = np.full((_HEADER, rows[0].shape[1], 3), 255, dtype=np.uint8)
    if moments:
        _write(header, 'one clip from start to end', left=_MARGIN + 4, baseline=18)
    if people:
        left = _MARGIN + moments * size + 4
        _write(header, 'the apex of clips by other people', left=left, baseline=18)
    return np.concatenate([header, *rows])


def _write(canvas: Image, text: str, *, left: int, baseline: int) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, text, (left, baseline), font, 0.5, _INK, 1, cv2.LINE_AA)
