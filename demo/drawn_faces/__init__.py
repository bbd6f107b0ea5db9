"""A drawn dataset of faces, and films, for demonstrations and tests, by facial action units."""

from __future__ import annotations

from .action_units import ACTION_UNITS
from .captions import describe_clip
from .clips import Clip, draw_clip
from .corpus import write_corpus
from .faces import draw_face
from .film import Film, standard_film, write_film
from .identities import Identity, random_identity
from .sheet import contact_sheet
from .strokes import Pose

__all__ = [
    'ACTION_UNITS',
    'Clip',
    'Film',
    'Identity',
    'Pose',
    'contact_sheet',
    'describe_clip',
    'draw_clip',
    'draw_face',
    'random_identity',
    'standard_film',
    'write_corpus',
    'write_film',
]
