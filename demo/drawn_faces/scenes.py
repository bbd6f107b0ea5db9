"""Where a clip is filmed: background, light, sensor, and how the head drifts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .identities import vivid_colour
from .strokes import Image, Pose


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stays the same over a clip.

    `background` is (2 * size, 2 * size, 3) RGB, `light` (size, size, 3) a factor around 1, and
    `noise` the sensor's standard deviation in grey levels.
    """

    background: Image
    light: NDArray[np.float32]
    noise: float


def random_scene(rng: np.random.Generator, *, size: int) -> Scene:
    """Draw a blurred room and a lamp for frames of `size` pixels."""
    small = 32
    rows, columns = np.mgrid[0:small, 0:small] / (small - 1)
    first, second = (
        np.array(vivid_colour(rng, saturation=rng.uniform(0.05, 0.45), value=value))
        for value in rng.uniform(0.3, 0.95, size=2)
    )
    angle = rng.uniform(0, 2 * np.pi)
    slope = 0.5 + (columns - 0.5) * np.cos(angle) + (rows - 0.5) * np.sin(angle)
    room = (first + (second - first) * np.clip(slope, 0, 1)[..., None]).astype(np.uint8)
    for _ in range(rng.integers(1, 6)):
        corner = rng.integers(-6, small, size=2)
        reach = corner + rng.integers(4, 18, size=2)
        colour = vivid_colour(rng, saturation=rng.uniform(0.05, 0.5), value=rng.uniform(0.2, 0.95))
        cv2.rectangle(room, corner.tolist(), reach.tolist(), colour, cv2.FILLED)
    room = cv2.GaussianBlur(room, (0, 0), rng.uniform(0.6, 2.2))
    background = cv2.resize(room, (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC)

    rows, columns = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    gradient = rng.uniform(0.05, 0.55) * (columns * np.cos(angle) + rows * np.sin(angle))
    brightness = rng.uniform(0.8, 1.12)
    warmth = rng.uniform(-0.07, 0.07)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    light = (brightness * (1 + gradient))[..., None] * tint
    return Scene(background=background, light=light.astype(np.float32), noise=rng.uniform(1.0, 5.0))


def expose(frames: Image, scene: Scene, *, rng: np.random.Generator) -> Image:
    """Light the frames (T, H, W, 3) and add the noise of the sensor."""
    _, height, width, _ = frames.shape
    spare = 24
    # Each frame sees another part of one plate: fresh noise would cost more than the drawing.
    plate = rng.standard_normal((height + spare, width + spare, 3), dtype=np.float32)
    plate *= scene.noise
    exposed = np.empty_like(frames)
    for index, frame in enumerate(frames):
        top, left = rng.integers(0, spare, size=2)
        value = frame * scene.light + plate[top : top + height, left : left + width]
        exposed[index] = np.clip(value, 0, 255, out=value)
    return exposed


def drifting_poses(rng: np.random.Generator, *, num_frames: int) -> list[Pose]:
    """Small head movements, one pose for each frame."""
    times = np.linspace(0, 1, num_frames)

    def drift(mean: float, spread: float, travel: float) -> NDArray[np.float64]:
        start = rng.uniform(mean - spread, mean + spread)
        sway = 0.3 * travel * np.sin(2 * np.pi * (rng.uniform(0.4, 1.4) * times + rng.random()))
        return start + rng.uniform(-travel, travel) * (times - 0.5) + sway

    tracks = {
        'yaw': drift(0.0, 0.24, 0.14),
        'pitch': drift(0.0, 0.10, 0.08),
        'roll': drift(0.0, 0.09, 0.06),
        'scale': drift(1.0, 0.06, 0.03),
        'shift_x': drift(0.0, 0.035, 0.03),
        'shift_y': drift(0.0, 0.03, 0.02),
    }
    return [
        Pose(**{name: float(track[index]) for name, track in tracks.items()})
        for index in range(num_frames)
    ]
