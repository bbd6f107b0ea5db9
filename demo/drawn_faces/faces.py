"""A face from who it is and what its muscles do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from . import eyes_and_nose, head
from .action_units import all_units
from .identities import Identity
from .mouth import lip_line, mouth
from .strokes import Image, Points, Pose, paint, project, surface

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
    pose = pose or Pose()
    side = _OVERSAMPLING * size
    if background is None:
        canvas = np.full((side, side, 3), _STUDIO_GREY, dtype=np.uint8)
    else:
        canvas = background.copy()
    paint_person(canvas, identity, units, pose=pose, gaze=gaze)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


def paint_person(
    canvas: Image,
    identity: Identity,
    units: Mapping[int, float],
    *,
    pose: Pose,
    gaze: tuple[float, float] = (0.0, 0.0),
    place: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Paint head and shoulders over what is on a canvas (H, W, 3), in place.

    `place` moves the whole person, in shares of the canvas's height; the head alone follows the
    shifts of its pose.

    Raises:
        ValueError: as `draw_face`.
    """
    moved = all_units(units)
    torso = Pose(
        roll=0.2 * pose.roll,
        scale=pose.scale,
        shift_x=place[0] + 0.8 * pose.shift_x,
        shift_y=place[1] + pose.shift_y,
    )
    pose = replace(pose, shift_x=pose.shift_x + place[0], shift_y=pose.shift_y + place[1])
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


def face_landmarks(
    identity: Identity, units: Mapping[int, float], *, pose: Pose, size: int
) -> Points:
    """Where the eyes, the nose and the corners of the mouth are drawn, (5, 2) pixels.

    Of each pair the one further left in the picture is first; the nose is the middle between the
    wings, at the height of the tip. `size` is the height of the frame.
    """
    moved = all_units(units)
    gap = identity.eye_gap
    tip = eyes_and_nose.nose(identity, moved)[0].points[-1, 1]
    lips = lip_line(identity, moved)
    points = np.array(
        [(-gap, eyes_and_nose.EYE_Y), (gap, eyes_and_nose.EYE_Y), (0.0, tip), lips[0], lips[-1]]
    )
    z = surface(points, half_width=identity.face_width)
    return project(points, z, pose=pose, size=size)
