"""A picture of many clips, to see at a glance whether they show what they should."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from ..files import atomic_write
from ..media.images import list_frames, read_image

_SIDE, _FRAMES, _COLUMNS, _LINE = 96, 4, 3, 18
_PAPER, _INK = 255, (40, 40, 40)


def write_sheet(path: Path, clips: Mapping[str, Path], most: int = 60) -> None:
    """Write a JPEG with four frames of each clip, from its first to its last, above its caption.

    Of clips, caption -> frame folder, at ``most`` so many are shown, at equal distances.
    """
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(most, len(clips))).round().astype(int))
    names = [[*clips][index] for index in chosen]
    cells = [_draw_clip(name, clips[name]) for name in names]
    blank = np.full_like(cells[0], _PAPER)
    columns = min(_COLUMNS, len(cells))
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    atomic_write(path, cv2.imencode('.jpg', np.vstack(rows)[..., ::-1])[1].tobytes())


def _draw_clip(caption: str, folder: Path) -> np.ndarray:
    frames = list_frames(str(folder))
    cell = np.full((_SIDE + _LINE + 8, _FRAMES * (_SIDE + 2) + 12, 3), _PAPER, np.uint8)
    for place, index in enumerate(np.linspace(0, len(frames) - 1, _FRAMES).round().astype(int)):
        image = read_image(frames[index])
        scale = _SIDE / max(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left, (height, width) = place * (_SIDE + 2), image.shape[:2]
        cell[:height, left : left + width] = image
    most = cell.shape[1] // 7
    text = caption if len(caption) <= most else f'...{caption[3 - most :]}'
    corner = (1, _SIDE + _LINE - 5)
    cv2.putText(cell, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)
    return cell
