"""A face from who it is and what its muscles do."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from . import eyes_and_nose, head
from .action_units import all_units
from .identities import Identity
from .mouth import mouth
from .strokes import Image, Pose, paint

# Drawn larger and shrunk: thin lines move by less than a pixel from frame to frame.
_OVERSAMPLING = 2
_STUDIO_GREY = (150, 156, 164)


def draw_face(
    identity: Identity,
    units: Mapping[int, float],
    *,
    pose: Pose | None = None,
    size: int,
    gaze: tuple[float, float] = (0.0, 0.0),
    background: Image | None = None,
) -> Image:
    """Draw one frame.

    Args:
        identity: whose face it is.
        units: action unit -> intensity in [0, 1]; those left out are at rest.
        pose: of the head; frontal by default.
        size: side of the frame in pixels.
        gaze: of the eyes, right and down, each in [-1, 1].
        background: (2 * size, 2 * size, 3) uint8 RGB; plain grey by default.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        ValueError: for a unit that is not drawn, or an intensity outside [0, 1].
    """
    moved = all_units(units)
    pose = pose or Pose()
    side = _OVERSAMPLING * size
    if background is None:
        canvas = np.full((side, side, 3), _STUDIO_GREY, dtype=np.uint8)
    else:
        canvas = background.copy()
    torso = Pose(
        roll=0.2 * pose.roll,
        scale=pose.scale,
        shift_x=0.8 * pose.shift_x,
        shift_y=pose.shift_y,
    )
    wide = identity.face_width
    back = head.behind(identity)
    if identity.hair_style in ('long', 'bob'):
        paint(canvas, back, pose=pose, half_width=wide)
        back = []
    paint(canvas, head.body(identity), pose=torso, half_width=wide)
    strokes = [
        *back,
        *head.skin(identity, moved),
        *head.beard(identity, moved),
        *eyes_and_nose.forehead(identity, moved),
        *eyes_and_nose.eyes(identity, moved, gaze=gaze),
        *eyes_and_nose.nose(identity, moved),
        *mouth(identity, moved),
        *head.moustache(identity, moved),
        *head.hair(identity),
        *eyes_and_nose.brows(identity, moved),
        *head.glasses(identity),
    ]
    paint(canvas, strokes, pose=pose, half_width=wide)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
