"""A clip: one face that moves from rest to an expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .action_units import ACTION_UNITS
from .expressions import Course, random_course, unit_tracks
from .faces import draw_face
from .identities import Identity
from .scenes import drifting_poses, expose, random_scene
from .strokes import Image


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A drawn clip: frames (T, H, W, 3) uint8 RGB, and what was drawn.

    `units` is (T, units), columns in the order of `ACTION_UNITS`, in [0, 1].
    """

    frames: Image
    units: NDArray[np.float64]
    course: Course

    @property
    def apex(self) -> int:
        """The frame in which most is happening, and the eyes are not shut by a blink."""
        weights = [-2.0 if unit == 43 else 1.0 for unit in ACTION_UNITS]
        return int((self.units @ weights).argmax())

    def strength(self, *units: int) -> NDArray[np.float64]:
        """The mean intensity (T,) of the given action units in each frame."""
        numbers = list(ACTION_UNITS)
        return self.units[:, [numbers.index(unit) for unit in units]].mean(axis=1)


def draw_clip(
    identity: Identity, emotion: str, *, num_frames: int, size: int, rng: np.random.Generator
) -> Clip:
    """Draw a clip of one person showing one emotion.

    Args:
        identity: who is seen.
        emotion: one of `expressions.CLASSES`.
        num_frames: T, at least 2.
        size: side of a frame in pixels.
        rng: source of all chance; the same state draws the same clip.

    Raises:
        ValueError: when the clip is shorter than 2 frames.
    """
    if num_frames < 2:
        raise ValueError(f'Expected num_frames of at least 2, found {num_frames}; ask for more.')
    course = random_course(rng)
    units = unit_tracks(emotion, num_frames=num_frames, course=course, rng=rng)
    poses = drifting_poses(rng, num_frames=num_frames)
    scene = random_scene(rng, size=size)
    looks = rng.uniform(-0.6, 0.6, size=(2, 2)) * (1.0, 0.5)
    turn = rng.integers(0, num_frames)
    frames = np.stack(
        [
            draw_face(
                identity,
                dict(zip(ACTION_UNITS, intensities, strict=True)),
                pose=pose,
                size=size,
                gaze=tuple(looks[int(index >= turn)]),
                background=scene.background,
            )
            for index, (pose, intensities) in enumerate(zip(poses, units, strict=True))
        ]
    )
    return Clip(frames=expose(frames, scene, rng=rng), units=units, course=course)
