"""The moving parts of a face above the mouth (forehead, brows, eyes, nose), as strokes.

Every function takes the identity and all action units (`action_units.all_units`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .identities import Identity, fold_colour, mix
from .strokes import Stroke, between, curve, ellipse

EYE_Y = -0.12
_ACROSS = np.linspace(-1.0, 1.0, 15)
_ARCH = 1 - _ACROSS**2
_DARK = (34, 22, 20)
_SIDES = (-1.0, 1.0)
# Half the height of a brow from its inner to its outer end, as (0, y).
_BROW_TAPER = np.stack(
    [np.zeros(11), np.linspace(1.1, 0.45, 11) * np.minimum(1, np.linspace(0.75, 6, 11))], axis=1
)


def forehead(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """The lines across the forehead (AU1, AU2) and between the brows (AU4)."""
    raise_inner, raise_outer, lower, wrinkle = (units[unit] for unit in (1, 2, 4, 9))
    line = fold_colour(identity)
    strokes = []
    depth = max(raise_outer * 0.9, raise_inner * 0.55, 0.3 * identity.age)
    if depth > 0.15:
        reach = 0.22 + 0.22 * max(raise_outer, 0.5 * identity.age)
        bend = -0.03 - 0.05 * raise_outer + 0.06 * max(0.0, raise_inner - raise_outer)
        colour = mix(identity.skin, line, 0.75 * depth)
        for y in (-0.50, -0.58):
            y -= 0.04 * raise_inner
            strokes.append(Stroke(curve((-reach, y), (0, y + bend), (reach, y)), colour, 0.018))
    furrow = max(lower, 0.7 * wrinkle)
    if furrow > 0.15:
        colour = mix(identity.skin, line, furrow)
        for side in _SIDES:
            points = curve((side * 0.055, -0.40), (side * 0.045, -0.3), (side * 0.075, -0.22))
            strokes.append(Stroke(points, colour, 0.022))
    return strokes


def brows(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """Brows: inner, middle and outer part move on their own (AU1, AU2, AU4)."""
    raise_inner, raise_outer, lower, wrinkle = (units[unit] for unit in (1, 2, 4, 9))
    base = EYE_Y - identity.brow_height
    thick = 0.034 * identity.brow_weight
    # White brows on fair skin would hide what they do.
    fairness = sum(identity.hair) / (3 * 255)
    colour = mix(identity.hair, _DARK, 0.35 + 0.4 * fairness)
    inner = (
        0.15 - 0.055 * lower - 0.01 * wrinkle,
        base - 0.16 * raise_inner + 0.15 * lower * (1 - 0.75 * raise_inner) + 0.07 * wrinkle,
    )
    middle = (
        0.36 - 0.03 * lower,
        base
        - 0.06 * identity.brow_arch * (1 - 0.6 * lower)
        - 0.20 * raise_outer
        - 0.01 * raise_inner
        + 0.09 * lower * (1 - 0.5 * raise_outer)
        + 0.04 * wrinkle,
    )
    outer = (
        0.575,
        base + 0.04 - 0.13 * raise_outer + 0.06 * raise_inner * (1 - raise_outer) - 0.03 * lower,
    )
    spine = curve(inner, middle, outer, samples=11)
    offset = thick * _BROW_TAPER
    shape = between(spine - offset, spine + offset)
    return [Stroke(shape * (side, 1), colour) for side in _SIDES]


def eyes(
    identity: Identity, units: Mapping[int, float], *, gaze: tuple[float, float]
) -> list[Stroke]:
    """Eyes with lids, crow's feet (AU6) and pouches; `gaze` moves the irises, each in [-1, 1]."""
    open_wide, cheek, tight, wrinkle, shut = (units[unit] for unit in (5, 6, 7, 9, 43))
    line = fold_colour(identity)
    half = 0.152 * identity.eye_size
    up = (
        0.088
        * identity.eye_size
        * (1 + 0.75 * open_wide - 0.42 * tight - 0.25 * cheek - 0.40 * wrinkle)
    )
    down = (
        0.052
        * identity.eye_size
        * (1 + 0.25 * open_wide - 0.9 * tight - 1.5 * cheek - 0.8 * wrinkle)
    )
    up = up * (1 - shut) - (down - 0.006) * shut
    up = max(up, 0.012 - down)
    strokes = []
    for side in _SIDES:
        centre = side * identity.eye_gap
        x = centre + side * half * _ACROSS
        tilt = EYE_Y - identity.eye_tilt * _ACROSS
        upper = np.stack([x, tilt - up * _ARCH**0.75], axis=1)
        lower = np.stack([x, tilt + down * _ARCH], axis=1)
        socket = ellipse(centre, EYE_Y - 0.03, half * 1.35, 0.15)
        strokes.append(Stroke(socket, mix(identity.skin, line, 0.16)))
        strokes.append(Stroke(between(upper, lower), (246, 244, 240)))
        radius = 0.074 * identity.eye_size
        for share, colour in ((1.0, identity.eye), (0.5, (16, 12, 12))):
            disc = ellipse(
                centre + 0.055 * gaze[0],
                EYE_Y - 0.012 + 0.03 * gaze[1],
                radius * share,
                radius * share,
            )
            order = slice(None, None, int(side))
            low = np.interp(disc[:, 0], x[order], upper[order, 1])
            high = np.interp(disc[:, 0], x[order], lower[order, 1])
            disc[:, 1] = np.clip(disc[:, 1], low, high)
            strokes.append(Stroke(disc, colour))
        if up + down > 0.08:
            glint = ellipse(
                centre + 0.055 * gaze[0] - 0.022, EYE_Y - 0.036 + 0.03 * gaze[1], 0.016, 0.016
            )
            strokes.append(Stroke(glint, (255, 255, 255)))
        strokes.append(Stroke(upper, mix(_DARK, identity.skin, 0.05), 0.034))
        strokes.append(Stroke(lower, mix(identity.skin, line, 0.75), 0.014))
        crease = upper[2:-2] - np.array([0, 0.035 - 0.02 * open_wide])
        strokes.append(Stroke(crease, mix(identity.skin, line, 0.55), 0.014))
        pouch = max(0.55 * identity.age, cheek * 0.8, wrinkle * 0.7, 0.5 * tight)
        if pouch > 0.15:
            y = EYE_Y + 0.125 - 0.035 * cheek
            under = curve(
                (centre - side * half * 0.8, y - 0.02),
                (centre, y + 0.045),
                (centre + side * half * 1.0, y - 0.025),
            )
            strokes.append(Stroke(under, mix(identity.skin, line, 0.6 * pouch), 0.018))
        feet = max(cheek, 0.35 * identity.age)
        if feet > 0.25:
            corner = centre + side * (half + 0.04)
            for rise in (-0.05, 0.0, 0.045):
                points = np.array(
                    [[corner, EYE_Y + rise * 0.5], [corner + side * 0.10, EYE_Y + rise * 1.6]]
                )
                strokes.append(Stroke(points, mix(identity.skin, line, 0.7 * feet), 0.014))
    return strokes


def nose(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """Nose, with the wrinkles of AU9 on its bridge."""
    wrinkle = units[9]
    line = fold_colour(identity)
    shade = mix(identity.skin, line, 0.45)
    wide = 0.105 * identity.nose_width * (1 + 0.22 * wrinkle)
    tip = 0.235 * identity.nose_length - 0.045 * wrinkle - 0.015 * units[10]
    strokes = [
        Stroke(curve((0.055, EYE_Y + 0.02), (0.05, tip - 0.15), (wide * 0.72, tip)), shade, 0.022)
    ]
    for side in _SIDES:
        wing = curve(
            (side * wide * 0.86, tip - 0.075),
            (side * wide * 1.45, tip),
            (side * wide * 0.7, tip + 0.035),
        )
        strokes.append(Stroke(wing, mix(identity.skin, line, 0.75 + 0.25 * wrinkle), 0.024))
        strokes.append(Stroke(ellipse(side * wide * 0.48, tip + 0.022, wide * 0.27, 0.017), line))
    base = curve((-wide * 0.4, tip + 0.042), (0, tip + 0.062), (wide * 0.4, tip + 0.042))
    strokes.append(Stroke(base, shade, 0.018))
    if wrinkle > 0.15:
        colour = mix(identity.skin, line, 0.35 + 0.65 * wrinkle)
        for y in (-0.17, -0.105, -0.04):
            strokes.append(
                Stroke(curve((-0.075, y + 0.025), (0, y - 0.035), (0.075, y + 0.025)), colour, 0.02)
            )
        for side in _SIDES:
            fold = curve((side * 0.09, -0.06), (side * 0.13, 0.02), (side * 0.125, 0.10))
            strokes.append(Stroke(fold, colour, 0.02))
    return strokes
