"""Which action units make an expression, and how they unfold in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dferclip_mm.emotions import CORPUS_CLASSES

from .action_units import ACTION_UNITS

CLASSES: tuple[str, ...] = tuple(CORPUS_CLASSES['dfew'])

# Several ways to show each emotion, as action unit -> strength at full intensity.
RECIPES: dict[str, tuple[dict[int, float], ...]] = {
    'happiness': (
        {6: 0.9, 12: 1.0},
        {6: 1.0, 12: 1.0, 25: 1.0},
        {6: 1.0, 12: 1.0, 25: 1.0, 26: 0.6},
        {6: 0.7, 12: 0.9, 14: 0.6, 25: 0.5},
    ),
    'sadness': (
        {1: 1.0, 4: 0.45, 15: 1.0},
        {1: 1.0, 4: 0.4, 15: 1.0, 17: 0.8, 43: 0.3},
        {1: 1.0, 4: 0.5, 7: 0.2, 15: 1.0, 17: 0.9},
        {1: 0.9, 15: 1.0, 43: 0.45},
    ),
    'neutral': ({},),
    'anger': (
        {4: 1.0, 5: 0.4, 7: 0.9, 24: 1.0},
        {4: 1.0, 7: 0.9, 17: 0.6, 24: 1.0},
        {4: 1.0, 5: 0.35, 7: 0.8, 10: 0.5, 15: 0.7, 25: 1.0, 26: 0.5},
    ),
    'surprise': (
        {1: 1.0, 2: 1.0, 5: 0.9, 25: 0.6, 26: 1.0},
        {1: 0.9, 2: 1.0, 5: 1.0, 25: 0.8, 26: 0.9},
        {1: 1.0, 2: 1.0, 5: 0.8, 26: 1.0},
    ),
    'disgust': (
        {4: 0.4, 9: 1.0, 10: 1.0, 17: 0.6},
        {4: 0.3, 9: 1.0, 10: 1.0, 15: 0.5, 25: 0.6},
        {7: 0.5, 9: 1.0, 10: 0.9, 15: 0.8, 25: 0.4},
    ),
    'fear': (
        {1: 1.0, 2: 0.5, 4: 0.8, 5: 1.0, 20: 1.0, 25: 1.0},
        {1: 1.0, 2: 0.5, 4: 0.7, 5: 1.0, 20: 1.0, 25: 0.8, 26: 0.35},
        {1: 1.0, 4: 0.7, 5: 1.0, 20: 0.9, 25: 0.5},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Course:
    """When an expression happens, in shares of the clip's length.

    It begins at `onset`, grows for `rise`, and from `offset` on falls back to `remains` of its
    height; an `offset` of 1 or more is never seen.
    """

    onset: float
    rise: float
    offset: float
    remains: float


def random_course(rng: np.random.Generator) -> Course:
    """Draw a course that starts at rest and holds its apex for at least a tenth of the clip."""
    onset = rng.uniform(0.05, 0.40)
    rise = rng.uniform(0.10, 0.35)
    offset = rng.uniform(onset + rise + 0.10, 1.0) if rng.random() < 0.35 else 1.0
    return Course(onset=onset, rise=rise, offset=offset, remains=rng.uniform(0.2, 0.7))


def time_course(course: Course, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the expression is seen, in [0, 1], at each of the times (T,) in [0, 1]."""
    up = _smoothstep((times - course.onset) / course.rise)
    down = _smoothstep((times - course.offset) / 0.2)
    return up * (1 - (1 - course.remains) * down)


def _smoothstep(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def unit_tracks(
    emotion: str, *, num_frames: int, course: Course, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Intensities of all action units over a clip that shows an emotion.

    Units of the emotion are drawn at 0.6 to 1.0 of their strength and start a little apart.
    Whatever the emotion, faces tremble, blink and sometimes speak.

    Args:
        emotion: one of `CLASSES`.
        num_frames: T.
        course: when the expression happens.
        rng: source of all chance.

    Returns:
        (T, units), columns in the order of `ACTION_UNITS`, in [0, 1].
    """
    numbers = list(ACTION_UNITS)
    times = np.linspace(0, 1, num_frames)
    tracks = np.zeros((num_frames, len(numbers)))
    recipe = RECIPES[emotion][rng.integers(len(RECIPES[emotion]))]
    for unit, strength in recipe.items():
        lag = rng.uniform(0, 0.05)
        peak = strength * rng.uniform(0.6, 1.0)
        tracks[:, numbers.index(unit)] = peak * time_course(course, times - lag)
    for unit in rng.choice([1, 2, 4, 7, 12, 14, 15, 17, 24], size=3, replace=False):
        wave = np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * times + rng.random()))
        tracks[:, numbers.index(unit)] += rng.uniform(0.03, 0.14) * (0.5 + 0.5 * wave)
    if rng.random() < 0.3:
        # Speech ends where the expression begins; a face without one may speak all along.
        until = course.onset + 0.6 * course.rise if recipe else 1.0
        syllables = np.abs(np.sin(2 * np.pi * rng.uniform(2.5, 4.5) * times))
        speech = syllables * (times < until)
        tracks[:, numbers.index(25)] += rng.uniform(0.3, 0.6) * speech
        tracks[:, numbers.index(26)] += rng.uniform(0.1, 0.3) * speech
    for blink in rng.uniform(0, 1, size=rng.integers(0, 3)):
        closed = np.exp(-((((times - blink) * num_frames) / 0.9) ** 2))
        column = tracks[:, numbers.index(43)]
        np.maximum(column, closed, out=column)
    return np.clip(tracks, 0, 1)
