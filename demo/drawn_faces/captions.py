"""English sentences on what a face does, from the movements that were drawn.

A caption names muscles' effects, never an emotion: it must not give the label away.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .action_units import ACTION_UNITS
from .clips import Clip
from .identities import Identity

_SEEN = 0.3
# How often a trait of the person is mentioned.
_PERSONAL = 0.08
_HAIRCUTS = {
    'short': ('short {} hair', 'cropped {} hair'),
    'fringe': ('a {} fringe', '{} bangs'),
    'bob': ('a {} bob', 'chin-length {} hair'),
    'long': ('long {} hair', 'straight long {} hair'),
    'curly': ('curly {} hair', '{} curls'),
    'bun': ('{} hair in a bun', '{} hair tied up'),
}


def describe_clip(identity: Identity, clip: Clip, *, rng: np.random.Generator) -> str:
    """Write one sentence or two on a clip.

    Args:
        identity: who is seen.
        clip: what was drawn; units below an intensity of 0.3 at the apex go unmentioned.
        rng: chooses among phrasings.
    """
    apex = clip.apex
    # Blinks would be read as drooping lids: the typical state of the lids counts, not the apex.
    peak = dict(zip(ACTION_UNITS, clip.units[apex], strict=True))
    peak[43] = float(np.quantile(clip.strength(43), 0.6))
    person = _person(identity, rng)
    changes = [
        _one_of(rng, phrases)
        for phrases in (_brows(peak), _eyes(peak), _nose(peak), _mouth(peak))
        if phrases
    ]
    speaks = clip.strength(25)[: max(2, apex // 2)].max() > _SEEN
    if not changes or clip.strength(*ACTION_UNITS)[apex] < 0.09:
        return _at_rest(person, speaks=speaks, rng=rng)
    if len(changes) > 2 and rng.random() < 0.25:
        changes.pop(rng.integers(len(changes) - 1))
    happening = _joined(changes)
    pace = _one_of(
        rng,
        ('quickly', 'all at once', 'in a moment')
        if clip.course.rise < 0.18
        else ('slowly', 'little by little', 'gradually')
        if clip.course.rise > 0.28
        else ('then', 'after a moment'),
    )
    before = _one_of(
        rng,
        ('speaks, and', 'is talking when', 'says something before')
        if speaks
        else ('begins with a face at rest, and', 'looks ahead, and', 'faces the camera as'),
    )
    ending = ''
    if clip.course.offset < 0.9 and clip.course.remains < 0.5:
        ending = _one_of(rng, (' before the face relaxes', ', then the features ease'))
    templates = (
        f'{person} {before} {pace} {happening}{ending}.',
        f'{pace.capitalize()}, {happening}{ending}: {person[0].lower()}{person[1:]}.',
        f'{person} is seen: {pace} {happening}{ending}.',
        f'{person}; {pace} {happening}{ending}.',
    )
    return _one_of(rng, templates)


def _one_of(rng: np.random.Generator, phrases: tuple[str, ...]) -> str:
    return phrases[rng.integers(len(phrases))]


def _joined(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return ', '.join(phrases[:-1]) + ' and ' + phrases[-1]


def _person(identity: Identity, rng: np.random.Generator) -> str:
    who = _one_of(rng, ('person', 'face', 'person'))
    # Seldom: what tells people apart would tell clips apart, and nothing else would be learned.
    if identity.age > 0.6 and rng.random() < _PERSONAL:
        who = _one_of(rng, ('older person', 'wrinkled face', 'elderly person'))
    traits = []
    if identity.hair_style == 'bald':
        who = f'bald {who}' if rng.random() < _PERSONAL else who
    else:
        traits.append(_one_of(rng, _HAIRCUTS[identity.hair_style]).format(identity.hair_name))
    if identity.facial_hair != 'none':
        article = '' if identity.facial_hair == 'stubble' else 'a '
        traits.append(article + identity.facial_hair)
    if identity.glasses != 'none':
        traits.append(f'{identity.glasses} glasses')
    traits = [trait for trait in traits if rng.random() < _PERSONAL]
    article = 'An' if who[0] in 'aeiou' else 'A'
    return f'{article} {who}' + (f' with {_joined(traits)}' if traits else '')


def _at_rest(person: str, *, speaks: bool, rng: np.random.Generator) -> str:
    still = _one_of(
        rng,
        (
            'the brows stay level and the eyes are open as usual',
            'neither brows nor eyes move much',
            'the features hardly move',
            'the forehead is smooth and the eyes only blink',
        ),
    )
    lips = _one_of(
        rng,
        ('the lips move as in ordinary talk', 'the mouth opens and closes in speech')
        if speaks
        else ('the lips rest against each other', 'the mouth stays closed and straight'),
    )
    templates = (
        f'{person} looks ahead; {still} and {lips}.',
        f'{person} keeps a face at rest: {lips}, {still}.',
        f'Throughout the clip {still}, and {lips}: {person[0].lower()}{person[1:]}.',
    )
    return _one_of(rng, templates)


def _brows(peak: Mapping[int, float]) -> tuple[str, ...]:
    inner, outer, lower = (peak[unit] > _SEEN for unit in (1, 2, 4))
    if inner and lower:
        if peak[5] > _SEEN:
            return (
                'the brows rise and are drawn together',
                'the raised brows pinch toward each other',
                'brows lift and straighten, wrinkling the middle of the forehead',
            )
        return (
            'the inner ends of the brows slant upward and together',
            'the brows pinch and tilt up in the middle',
        )
    if inner and outer:
        return (
            'the brows arch high',
            'both eyebrows shoot up and the forehead creases',
            'the eyebrows lift in full curves',
        )
    if inner:
        return ('the inner corners of the brows go up', 'the brows tilt upward in the middle')
    if lower:
        return (
            'the brows are lowered and knitted',
            'the eyebrows draw down into a frown',
            'deep furrows form between the lowered brows',
        )
    return ()


def _eyes(peak: Mapping[int, float]) -> tuple[str, ...]:
    if peak[5] > 0.15 and peak[4] > _SEEN and peak[7] > _SEEN:
        return ('the eyes glare from under tense lids', 'the stare hardens')
    if peak[5] > _SEEN:
        return ('the eyes open wide', 'the upper lids rise and show white', 'the eyes widen')
    if peak[6] > _SEEN:
        return (
            'the cheeks lift and the eyes crinkle',
            "crow's feet appear beside the eyes",
            'raised cheeks narrow the eyes',
        )
    if peak[7] > _SEEN:
        return ('the eyes narrow', 'the lids tighten')
    if peak[43] > 0.15:
        return ('the eyelids droop', 'the lids hang heavily')
    return ()


def _nose(peak: Mapping[int, float]) -> tuple[str, ...]:
    if peak[9] > _SEEN:
        return (
            'the nose wrinkles',
            'folds run across the bridge of the nose',
            'the nose scrunches',
        )
    return ()


def _mouth(peak: Mapping[int, float]) -> tuple[str, ...]:
    is_open = peak[25] > _SEEN or peak[26] > _SEEN
    if peak[12] > _SEEN and is_open:
        return (
            'the mouth spreads into an open smile',
            'the lip corners rise and bare the teeth',
            'a broad grin shows the upper teeth',
        )
    if peak[12] > _SEEN:
        return ('the mouth corners curl up', 'the closed lips stretch into a smile')
    if peak[20] > _SEEN:
        return (
            'the lips are stretched sideways and show the teeth',
            'the mouth is pulled back toward the ears',
            'the parted lips stretch flat',
        )
    if peak[10] > _SEEN and peak[9] > _SEEN:
        return (
            'the upper lip is pulled up',
            'the upper lip curls toward the nose',
            'the raised upper lip deepens the folds beside the nose',
        )
    if peak[24] > _SEEN:
        return ('the lips press into a thin line', 'the lips are tightly shut')
    if peak[10] > 0.2 and is_open:
        return ('the mouth opens as in a shout and bares teeth', 'clenched teeth show')
    if peak[15] > _SEEN and peak[17] > _SEEN:
        return (
            'the mouth corners sink over a puckered chin',
            'the chin pushes up a drooping mouth',
        )
    if peak[15] > _SEEN:
        return ('the corners of the mouth turn down', 'the mouth droops at its corners')
    if peak[26] > _SEEN:
        return ('the jaw drops', 'the mouth falls open', 'the mouth forms a round O')
    return ()
