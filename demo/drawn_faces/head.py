"""The parts of a head that an expression hardly moves: skin, hair, ears, beard, glasses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from .eyes_and_nose import EYE_Y
from .identities import Identity, mix
from .mouth import MOUTH_Y
from .strokes import Points, Stroke, curve, ellipse

_TURN = np.linspace(0, 2 * np.pi, 44, endpoint=False)
_DARK = (30, 22, 20)
_BEHIND = -0.12


@lru_cache(maxsize=256)
def _outline(identity: Identity) -> Points:
    """The face at rest, (44, 2), clockwise from the top of the skull."""
    x, y = np.sin(_TURN), -np.cos(_TURN)
    low = np.clip(y, 0, 1)
    width = identity.face_width * (1 - (1 - identity.jaw) * 0.75 * low**1.6)
    return np.stack([np.sign(x) * np.abs(x) ** 0.86 * width, y], axis=1)


def _jaw_lowered(points: Points, drop: float) -> Points:
    """Points (N, 2) of the face after AU26 of intensity `drop`."""
    share = np.clip((points[:, 1] - 0.25) / 0.75, 0, 1)
    return points + np.stack([np.zeros(len(points)), 0.13 * drop * share], axis=1)


@lru_cache(maxsize=256)
def behind(identity: Identity) -> list[Stroke]:
    """What the face hides: hair at the back, ears."""
    wide = identity.face_width
    shade = mix(identity.hair, _DARK, 0.35)
    strokes = []
    style = identity.hair_style
    if style == 'long':
        back = np.array(
            [[-1.12, 1.5], [-1.22, 0.4], [-1.15, -0.5], [-0.6, -1.12], [0.6, -1.12], [1.15, -0.5],
             [1.22, 0.4], [1.12, 1.5]]
        )  # fmt: skip
        strokes.append(Stroke(_smooth(back * (wide, 1)), shade, depth=_BEHIND))
    elif style == 'bob':
        back = np.array(
            [[-0.9, 0.72], [-1.26, 0.45], [-1.2, -0.5], [-0.6, -1.14], [0.6, -1.14], [1.2, -0.5],
             [1.26, 0.45], [0.9, 0.72]]
        )  # fmt: skip
        strokes.append(Stroke(_smooth(back * (wide, 1)), shade, depth=_BEHIND))
    elif style == 'curly':
        for angle in np.linspace(-0.25, np.pi + 0.25, 13):
            x, y = np.cos(angle) * wide * 1.14, -0.3 - np.sin(angle) * 0.78
            strokes.append(Stroke(ellipse(x, y, 0.25, 0.25), shade, depth=_BEHIND))
    elif style == 'bun':
        strokes.append(Stroke(ellipse(0, -1.16, 0.30, 0.24), shade, depth=_BEHIND))
    ear = mix(identity.skin, _DARK, 0.14)
    if style not in ('long', 'bob'):
        for side in (-1, 1):
            strokes.append(Stroke(ellipse(side * wide * 1.0, 0.02, 0.10, 0.19), ear, depth=_BEHIND))
            strokes.append(
                Stroke(
                    ellipse(side * wide * 1.02, 0.02, 0.05, 0.12),
                    mix(ear, _DARK, 0.2),
                    depth=_BEHIND,
                )
            )
    return strokes


def _smooth(corners: Points) -> Points:
    """Round off a closed polygon (N, 2) by two rounds of corner cutting."""
    for _ in range(2):
        following = np.roll(corners, -1, axis=0)
        corners = np.stack(
            [0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], axis=1
        ).reshape(-1, 2)
    return corners


def skin(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """The face itself, with cheeks that AU6 and AU12 lift."""
    face = _jaw_lowered(_outline(identity), units[26])
    lift = max(units[6], 0.7 * units[12])
    warm = mix(identity.skin, (214, 84, 72), 0.15 + 0.12 * lift)
    strokes = [
        Stroke(face, mix(identity.skin, _DARK, 0.20), depth=0.0),
        Stroke(face * (0.93, 0.95) + (-0.015, -0.01), mix(identity.skin, _DARK, 0.09)),
        Stroke(face * (0.84, 0.90) + (-0.03, -0.02), identity.skin),
        Stroke(ellipse(-0.04, -0.52, 0.34, 0.16), mix(identity.skin, (255, 250, 240), 0.12)),
    ]
    for side in (-1, 1):
        cheek = ellipse(side * 0.40, 0.20 - 0.05 * lift, 0.17, 0.12 + 0.02 * lift)
        strokes.append(Stroke(cheek, warm))
    return strokes


def beard(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """Facial hair below the mouth and cheeks; it follows the jaw."""
    if identity.facial_hair not in ('stubble', 'beard'):
        return []
    full = identity.facial_hair == 'beard'
    outline = _outline(identity)
    edge = outline[outline[:, 1] > 0.16] * (1.03 if full else 0.97)
    wide = identity.face_width
    inner = [(-0.72 * wide, 0.36), (-0.42, 0.42), (-0.2, 0.34), (0.0, 0.33), (0.2, 0.34),
             (0.42, 0.42), (0.72 * wide, 0.36)]  # fmt: skip
    shape = np.concatenate([edge, np.array(inner)])
    colour = mix(identity.skin, mix(identity.hair, _DARK, 0.2), 0.88 if full else 0.24)
    return [Stroke(_jaw_lowered(shape, units[26]), colour)]


def moustache(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """Hair between nose and mouth; it follows the upper lip."""
    if identity.facial_hair not in ('moustache', 'beard'):
        return []
    raised, smile, frown = units[10], units[12], units[15]
    y = MOUTH_Y - 0.105 - 0.085 * raised - 0.01 * smile - 0.06 * units[26] * (1 - smile)
    reach = identity.mouth_width * (0.92 + 0.22 * smile + 0.2 * units[20])
    end = y + 0.075 - 0.09 * smile + 0.07 * frown
    top = curve((-reach, end), (0, y - 0.10), (reach, end), samples=11)
    bottom = curve((-reach, end), (0, y + 0.06), (reach, end), samples=11)
    colour = mix(mix(identity.hair, _DARK, 0.25), identity.skin, 0.08)
    return [Stroke(np.concatenate([top, bottom[::-1]]), colour)]


@lru_cache(maxsize=256)
def hair(identity: Identity) -> list[Stroke]:
    """Hair in front of the skull."""
    style = identity.hair_style
    if style == 'bald':
        return [Stroke(ellipse(-0.2, -0.8, 0.14, 0.06), mix(identity.skin, (255, 255, 250), 0.25))]
    wide = identity.face_width
    top = _outline(identity)
    arc = np.concatenate([top[-11:], top[:12]])
    grown = {'short': 1.04, 'fringe': 1.07, 'bob': 1.09, 'long': 1.08, 'curly': 1.05, 'bun': 1.03}
    outer = arc * (grown[style] + 0.02, grown[style] + 0.03)
    side = 0.93 * wide
    lines: dict[str, list[tuple[float, float]]] = {
        'short': [(side, -0.12), (side * 0.92, -0.5), (0.45, -0.66), (0.0, -0.72), (-0.45, -0.66),
                  (-side * 0.92, -0.5), (-side, -0.12)],
        'fringe': [(side, -0.1), (side * 0.9, -0.46), (0.5, -0.57), (0.25, -0.53), (0.0, -0.58),
                   (-0.25, -0.54), (-0.5, -0.58), (-side * 0.9, -0.46), (-side, -0.1)],
        'bob': [(side * 1.05, 0.4), (side * 0.9, 0.0), (side * 0.8, -0.5), (0.1, -0.82),
                (-0.3, -0.70), (-side * 0.8, -0.45), (-side * 0.9, 0.0), (-side * 1.05, 0.4)],
        'long': [(side * 1.12, 0.7), (side * 0.98, 0.1), (side * 0.8, -0.45), (0.0, -0.84),
                 (-side * 0.8, -0.45), (-side * 0.98, 0.1), (-side * 1.12, 0.7)],
        'curly': [(side, -0.2), (side * 0.86, -0.48), (0.5, -0.64), (0.3, -0.60), (0.1, -0.68),
                  (-0.15, -0.61), (-0.4, -0.68), (-side * 0.86, -0.48), (-side, -0.2)],
        'bun': [(side, -0.22), (side * 0.84, -0.58), (0.35, -0.78), (0.0, -0.82), (-0.35, -0.78),
                (-side * 0.84, -0.58), (-side, -0.22)],
    }  # fmt: skip
    shape = np.concatenate([outer, np.array(lines[style])])
    strokes = [Stroke(shape, identity.hair)]
    strands = mix(identity.hair, _DARK, 0.22)
    for share in (-0.62, -0.25, 0.2, 0.55):
        strand = curve((share * 0.5 * wide, -1.02), (share * wide, -0.95), (share * wide, -0.74))
        strokes.append(Stroke(strand, strands, 0.022))
    shine = curve((-0.5 * wide, -0.86), (-0.1, -1.02), (0.35, -0.93))
    strokes.append(Stroke(shine, mix(identity.hair, (255, 255, 255), 0.16), 0.05))
    return strokes


@lru_cache(maxsize=256)
def glasses(identity: Identity) -> list[Stroke]:
    """Frames of glasses around the eyes."""
    if identity.glasses == 'none':
        return []
    colour = (40, 36, 44) if identity.glasses == 'square' else (128, 92, 52)
    gap = identity.eye_gap
    strokes = []
    for side in (-1, 1):
        if identity.glasses == 'round':
            rim = ellipse(side * gap, EYE_Y + 0.01, 0.225, 0.215)
        else:
            corners = np.array([[-0.23, -0.16], [0.23, -0.16], [0.21, 0.17], [-0.21, 0.17]])
            rim = _smooth(corners + np.array([side * gap, EYE_Y + 0.01]))
        strokes.append(Stroke(rim, colour, 0.032, closed=True))
        temple = np.array(
            [[side * (gap + 0.22), EYE_Y - 0.03], [side * identity.face_width * 0.99, EYE_Y]]
        )
        strokes.append(Stroke(temple, colour, 0.032))
    bridge = curve((-(gap - 0.22), EYE_Y), (0, EYE_Y - 0.04), (gap - 0.22, EYE_Y))
    return [*strokes, Stroke(bridge, colour, 0.032)]


@lru_cache(maxsize=256)
def body(identity: Identity) -> list[Stroke]:
    """Neck and shoulders, below the head."""
    neck = np.array([[-0.42, 0.5], [0.42, 0.5], [0.46, 1.6], [-0.46, 1.6]])
    shoulders = np.array(
        [[-1.8, 12.0], [-1.7, 1.9], [-1.5, 1.42], [-0.5, 1.2], [-0.3, 1.22], [0.0, 1.36],
         [0.3, 1.22], [0.5, 1.2], [1.5, 1.42], [1.7, 1.9], [1.8, 12.0]]
    )  # fmt: skip
    return [
        Stroke(neck * (identity.face_width / 0.78, 1), mix(identity.skin, _DARK, 0.30), depth=0.0),
        Stroke(shoulders, identity.shirt, depth=0.0),
    ]
