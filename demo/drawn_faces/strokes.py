"""Strokes on the surface of a head, and how a posed head is painted on a canvas.

Face coordinates: the origin is the middle of the face, x grows to the right of the picture, y
downwards, z towards the viewer; the chin of a face at rest is at y = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .identities import Colour

Points = NDArray[np.float64]
Image = NDArray[np.uint8]

_SUBPIXEL_BITS = 4
HALF_FACE = 0.405
_DEPTH = 0.62
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where a head is and looks.

    Angles are in radians; positive yaw looks to the right of the picture, positive pitch down,
    positive roll tips the head clockwise. `shift_x` and `shift_y` are shares of the picture.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0


class Stroke(NamedTuple):
    """One coloured shape: a filled polygon, or a line where `width` is given.

    `points` are (N, 2) face coordinates; `depth` puts them all at one z, and without it they
    lie on the face. `width` is in face units.
    """

    points: Points
    colour: Colour
    width: float | None = None
    closed: bool = False
    depth: float | None = None


def curve(*points: tuple[float, float], samples: int = 9) -> Points:
    """A Bézier curve (samples, 2) of the second order through the first and last of 3 points."""
    return _bernstein(samples) @ np.asarray(points)


@lru_cache
def _bernstein(samples: int) -> Points:
    t = np.linspace(0, 1, samples)
    return np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=1)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """An ellipse (20, 2)."""
    return _CIRCLE * (radius_x, radius_y) + (x, y)


def between(upper: Points, lower: Points) -> Points:
    """The polygon (N + M, 2) that an upper (N, 2) and a lower (M, 2) curve enclose."""
    return np.concatenate([upper, lower[::-1]])


def surface(points: Points, *, half_width: float) -> Points:
    """The z (N,) of points (N, 2) on a face that is an ellipsoid."""
    inside = 1 - (points[:, 0] / half_width) ** 2 - (points[:, 1] / 1.12) ** 2
    return _DEPTH * np.sqrt(np.clip(inside, 0, None))


def project(points: Points, z: Points, *, pose: Pose, size: int) -> Points:
    """Where points (N, 2) of a face with their z (N,) lie on a canvas, (N, 2) pixels.

    `size` is the height of the canvas; shifts and the unit of the face are shares of it.
    """
    x = points[:, 0] * np.cos(pose.yaw) + z * np.sin(pose.yaw)
    y = points[:, 1] * np.cos(pose.pitch) + z * np.sin(pose.pitch)
    unit = HALF_FACE * size * pose.scale
    cos, sin = unit * np.cos(pose.roll), unit * np.sin(pose.roll)
    return np.stack(
        [
            (0.5 + pose.shift_x) * size + x * cos - y * sin,
            (0.52 + pose.shift_y) * size + x * sin + y * cos,
        ],
        axis=1,
    )


def paint(canvas: Image, strokes: Sequence[Stroke], *, pose: Pose, half_width: float) -> None:
    """Paint strokes, the first one undermost, on a canvas (H, W, 3), in place."""
    size = canvas.shape[0]
    points = np.concatenate([stroke.points for stroke in strokes])
    z = surface(points, half_width=half_width)
    start = 0
    for stroke in strokes:
        end = start + len(stroke.points)
        if stroke.depth is not None:
            z[start:end] = stroke.depth
        start = end
    pixels = project(points, z, pose=pose, size=size)
    fixed = np.rint(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    start = 0
    for stroke in strokes:
        end = start + len(stroke.points)
        polygon = [fixed[start:end]]
        if stroke.width is None:
            cv2.fillPoly(canvas, polygon, stroke.colour, cv2.LINE_AA, _SUBPIXEL_BITS)
        else:
            thickness = max(1, round(stroke.width * HALF_FACE * size * pose.scale))
            cv2.polylines(
                canvas,
                polygon,
                stroke.closed,
                stroke.colour,
                thickness,
                cv2.LINE_AA,
                _SUBPIXEL_BITS,
            )
        start = end
