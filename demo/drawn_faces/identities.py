"""Who is drawn: the lasting traits of a face, and how they are drawn at random."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

SKIN_TONES: tuple[Colour, ...] = (
    (248, 220, 200),
    (240, 200, 172),
    (229, 184, 150),
    (214, 163, 124),
    (192, 138, 98),
    (164, 112, 76),
    (131, 86, 58),
    (98, 64, 45),
)
HAIR_COLOURS: dict[str, Colour] = {
    'black': (32, 28, 30),
    'dark brown': (66, 44, 32),
    'brown': (112, 74, 44),
    'red': (164, 72, 36),
    'blond': (218, 180, 104),
    'grey': (158, 158, 160),
    'white': (226, 224, 220),
}
EYE_COLOURS: tuple[Colour, ...] = ((74, 48, 30), (104, 72, 40), (72, 106, 76), (66, 104, 148))
HAIR_STYLES = ('bald', 'short', 'fringe', 'bob', 'long', 'curly', 'bun')
GLASSES = ('none', 'round', 'square')
FACIAL_HAIR = ('none', 'stubble', 'moustache', 'beard')


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The lasting traits of one face.

    Lengths are in units of half the height of the face, and each one whose name says neither
    width nor height is a factor around 1; colours are RGB of 0 to 255.
    """

    face_width: float
    jaw: float
    skin: Colour
    hair_name: str
    hair: Colour
    hair_style: str
    eye: Colour
    eye_size: float
    eye_gap: float
    eye_tilt: float
    brow_weight: float
    brow_height: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_fullness: float
    lips: Colour
    glasses: str
    facial_hair: str
    age: float
    mouth_rest: float
    shirt: Colour


def fold_colour(identity: Identity) -> Colour:
    """The colour of a deep line in the skin."""
    # On dark skin a fold needs nearly black to be seen at all.
    darkness = 1 - sum(identity.skin) / (3 * 255)
    return mix(identity.skin, (34, 22, 20), 0.42 + 0.5 * darkness)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; `share` in [0, 1] is how much of the second one is seen."""
    share = min(max(share, 0.0), 1.0)
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


def vivid_colour(rng: np.random.Generator, *, saturation: float, value: float) -> Colour:
    """A colour of random hue; `saturation` and `value` in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def random_identity(rng: np.random.Generator) -> Identity:
    """Draw the traits of a new person."""
    age = float(rng.choice([rng.uniform(0.0, 0.35), rng.uniform(0.55, 1.0)], p=[0.7, 0.3]))
    tone = rng.uniform(0, len(SKIN_TONES) - 1)
    skin = mix(SKIN_TONES[int(tone)], SKIN_TONES[int(tone) + 1], tone % 1)
    # Fair hair on the darkest skin would be read as a helmet, and grey belongs to the old.
    names = ['black', 'dark brown', 'brown', 'red', 'blond'][: 5 if tone < 3 else 2]
    hair_name = str(rng.choice(['grey', 'white'] if age > 0.6 else names))
    hair = mix(HAIR_COLOURS[hair_name], vivid_colour(rng, saturation=0.3, value=0.5), 0.08)
    facial_hair = str(rng.choice(FACIAL_HAIR, p=[0.64, 0.12, 0.10, 0.14]))
    style_odds = [0.10, 0.22, 0.16, 0.14, 0.14, 0.14, 0.10]
    lips = mix(skin, (176, 52, 64), rng.uniform(0.3, 0.62))
    return Identity(
        face_width=rng.uniform(0.70, 0.86),
        jaw=rng.uniform(0.66, 0.98),
        skin=skin,
        hair_name=hair_name,
        hair=hair,
        hair_style=str(rng.choice(HAIR_STYLES, p=style_odds)),
        eye=EYE_COLOURS[rng.integers(0, 2 if tone > 4 else 4)],
        eye_size=rng.uniform(0.88, 1.15),
        eye_gap=rng.uniform(0.30, 0.35),
        eye_tilt=rng.uniform(-0.02, 0.03),
        brow_weight=rng.uniform(0.65, 1.5),
        brow_height=rng.uniform(0.20, 0.25),
        brow_arch=rng.uniform(0.6, 1.3),
        nose_width=rng.uniform(0.75, 1.3),
        nose_length=rng.uniform(0.88, 1.1),
        mouth_width=rng.uniform(0.25, 0.33),
        lip_fullness=rng.uniform(0.65, 1.4),
        lips=lips,
        glasses=str(rng.choice(GLASSES, p=[0.74, 0.13, 0.13])),
        facial_hair=facial_hair,
        age=age,
        mouth_rest=rng.uniform(-0.035, 0.012),
        shirt=vivid_colour(rng, saturation=rng.uniform(0.2, 0.7), value=rng.uniform(0.3, 0.85)),
    )
