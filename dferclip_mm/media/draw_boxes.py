"""Boxes with a text and a bar, drawn into a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageColor, ImageDraw, ImageFont


class LabelledBox(NamedTuple):
    """A box in pixels: left, top, right, bottom. Without a text it is white.

    ``share``, from 0 to 1, is the length of the bar; the text stands ``below`` the box or above.
    """

    corners: tuple[float, float, float, float]
    text: str = ''
    color: str = 'white'
    share: float = 0.0
    below: bool = False


def draw_boxes(image: np.ndarray, boxes: Iterable[LabelledBox]) -> np.ndarray:
    """A frame (H, W, 3) with boxes drawn into it."""
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas, 'RGBA')
    height, width = image.shape[:2]
    size = max(10, min(height, width) // 30)
    font = ImageFont.truetype(font_manager.findfont('DejaVu Sans'), size)
    line = max(2, size // 6)
    for (left, top, right, bottom), text, color, share, below in boxes:
        pen.rectangle((left, top, right, bottom), outline=color, width=line if text else 1)
        if not text:
            continue
        pen.rectangle((left, bottom - 3 * line, right, bottom), (0, 0, 0, 110))
        pen.rectangle((left, bottom - 3 * line, left + share * (right - left), bottom), color)
        across, down = (side + 6 for side in pen.textbbox((0, 0), text, font=font)[2:])
        y = bottom if below else top - down
        x, y = max(0, min(left, width - across)), max(0, min(y, height - down))
        pen.rectangle((x, y, x + across, y + down), color)
        dark = np.dot(ImageColor.getrgb(color), (0.299, 0.587, 0.114)) > 150
        pen.text((x + 3, y + 3), text, 'black' if dark else 'white', font)
    return np.asarray(canvas)
