"""The mouth, with the chin and the folds that its movements make, as strokes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .identities import Identity, fold_colour, mix
from .strokes import Points, Stroke, between, curve, ellipse

MOUTH_Y = 0.50
_ACROSS = np.linspace(-1.0, 1.0, 15)
_ARCH = 1 - _ACROSS**2
_DARK = (34, 22, 20)
_SIDES = (-1.0, 1.0)


def lip_line(identity: Identity, units: Mapping[int, float]) -> Points:
    """The line (15, 2) where the lips meet, from corner to corner; they open around it."""
    smile, dimple, frown, chin, stretch, press = (units[unit] for unit in (12, 14, 15, 17, 20, 24))
    round_drop = _round_drop(units)
    half = identity.mouth_width * (
        1
        + 0.30 * smile
        + 0.34 * stretch
        + 0.10 * dimple
        - 0.20 * press
        - 0.10 * chin
        - 0.40 * round_drop
    )
    corner = (
        identity.mouth_rest
        - 0.17 * smile
        - 0.03 * dimple
        + 0.15 * frown
        + 0.05 * stretch
        - 0.04 * units[10]
    )
    centre = MOUTH_Y - 0.02 * chin + 0.01 * smile
    ends = corner * np.abs(_ACROSS) ** 2.0 - 0.5 * corner * (smile > frown)
    # The corners of a mouth that drops open sink to half the height of the opening.
    return np.stack([half * _ACROSS, centre + ends + 0.06 * round_drop], axis=1)


def _round_drop(units: Mapping[int, float]) -> float:
    """How far the jaw drops without a smile, a stretch or a raised lip."""
    return units[26] * (1 - units[12]) * (1 - 0.8 * units[20]) * (1 - 0.7 * units[10])


def mouth(identity: Identity, units: Mapping[int, float]) -> list[Stroke]:
    """Mouth with teeth, the folds that its movements make, and the chin."""
    raised, smile, chin, stretch, press, part, drop = (
        units[unit] for unit in (10, 12, 17, 20, 24, 25, 26)
    )
    line = fold_colour(identity)
    round_drop = _round_drop(units)
    x, rim = lip_line(identity, units).T
    half = float(x[-1])
    hump = 0.13 * raised + 0.02 * smile * part
    # A raised chin pushes the lower lip up, until it meets the upper one.
    lift = 0.07 * chin - 0.045 * part * (1 - 0.5 * raised) - 0.21 * drop + 0.06 * round_drop
    arch = _ARCH**0.6
    upper_in = rim - hump * _ARCH**0.5 - 0.035 * part * arch - (0.15 * round_drop) * arch
    lower_in = np.maximum(rim - lift * arch, upper_in)
    lower_in = np.where(part + drop > 0.05, lower_in, upper_in + 0 * rim)
    thin = (1 - 0.72 * press) * (1 - 0.30 * stretch) * (1 - 0.25 * smile)
    full = identity.lip_fullness
    bow = 0.052 * full * thin * (_ARCH**0.7) * (1 - 0.22 * np.exp(-((_ACROSS / 0.16) ** 2)))
    pout = 0.068 * full * thin * (1 - 0.25 * chin) * _ARCH**0.7
    upper_out, lower_out = upper_in - bow - 0.006, lower_in + pout + 0.006

    strokes = _folds(identity, units, half=half, corner_y=float(rim[0]))
    if press > 0.2:
        for y, bulge in ((upper_out, -0.035), (lower_out, 0.035)):
            points = np.stack([x, y + bulge * _ARCH], axis=1)[3:-3]
            strokes.append(Stroke(points, mix(identity.skin, line, 0.5 * press), 0.016))
    gap = np.stack([x, upper_in], axis=1), np.stack([x, lower_in], axis=1)
    strokes.append(
        Stroke(between(np.stack([x, upper_out], axis=1), gap[0]), mix(identity.lips, _DARK, 0.12))
    )
    strokes.append(Stroke(between(gap[1], np.stack([x, lower_out], axis=1)), identity.lips))
    opening = float((lower_in - upper_in).max())
    if opening > 0.012:
        strokes.append(Stroke(between(*gap), (64, 18, 22)))
        if opening > 0.14 and not raised > 0.4:
            tongue = lower_in - 0.34 * (lower_in - upper_in) * _ARCH
            strokes.append(
                Stroke(between(np.stack([x, tongue], axis=1), gap[1])[3:-3], (176, 76, 80))
            )
        bare = min(0.75 * opening, 0.05 + 0.05 * smile + 0.05 * raised + 0.02 * stretch)
        teeth = np.minimum(upper_in + bare * (1 - 0.75 * round_drop) * arch, lower_in)
        inset = slice(1, -1)
        strokes.append(
            Stroke(
                between(gap[0][inset], np.stack([x, teeth], axis=1)[inset]),
                (244, 240, 230),
            )
        )
        if raised > 0.3 or stretch > 0.4:
            low = np.maximum(lower_in - 0.3 * opening * arch, teeth + 0.012)
            low = np.minimum(low, lower_in)
            strokes.append(
                Stroke(between(np.stack([x, low], axis=1)[2:-2], gap[1][2:-2]), (232, 226, 214))
            )
    else:
        strokes.append(Stroke(gap[0], mix(identity.lips, _DARK, 0.75), 0.022))
    return strokes


def _folds(
    identity: Identity, units: Mapping[int, float], *, half: float, corner_y: float
) -> list[Stroke]:
    raised, smile, dimple, frown, chin, stretch = (units[unit] for unit in (10, 12, 14, 15, 17, 20))
    line = fold_colour(identity)
    strokes = []
    depth = max(raised, 0.85 * smile, 0.8 * units[9], 0.5 * stretch, 0.6 * identity.age)
    for side in _SIDES:
        if depth > 0.15:
            fold = curve(
                (side * 0.135, 0.19 - 0.05 * raised),
                (side * (0.27 + 0.09 * smile + 0.05 * raised), 0.24 - 0.05 * smile),
                (side * (half + 0.07), corner_y + 0.02 - 0.02 * smile),
            )
            strokes.append(Stroke(fold, mix(identity.skin, line, 0.8 * depth), 0.022))
        if dimple > 0.2 or stretch > 0.3:
            edge = side * (half + 0.035)
            mark = curve(
                (edge, corner_y - 0.06), (edge + side * 0.05, corner_y), (edge, corner_y + 0.06)
            )
            strokes.append(Stroke(mark, mix(identity.skin, line, max(dimple, stretch)), 0.024))
        if frown > 0.15:
            mark = curve(
                (side * (half + 0.01), corner_y),
                (side * (half + 0.05), corner_y + 0.05),
                (side * (half + 0.03), corner_y + 0.14),
            )
            strokes.append(Stroke(mark, mix(identity.skin, line, 0.9 * frown), 0.02))
    y = 0.72 + 0.14 * units[26] - 0.02 * chin
    if chin > 0.15 and identity.facial_hair != 'beard':
        strokes.append(
            Stroke(
                curve((-0.15, y + 0.05), (0, y - 0.09), (0.15, y + 0.05)),
                mix(identity.skin, line, 0.9 * chin),
                0.022,
            )
        )
        for dot in ((-0.06, 0.07), (0.05, 0.06), (0.0, 0.11), (-0.02, 0.04), (0.09, 0.1)):
            spot = ellipse(dot[0], y + dot[1], 0.016, 0.011)
            strokes.append(Stroke(spot, mix(identity.skin, line, 0.55 * chin)))
    else:
        shadow = curve((-0.09, y), (0, y + 0.025), (0.09, y))
        strokes.append(Stroke(shadow, mix(identity.skin, line, 0.3), 0.018))
    return strokes
