"""The emotions, and the class order of each corpus.

Several orders of the same classes are in use, so a label number means something only together with
its order. Everything in this package refers to classes by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

EMOTIONS = (
    'happiness',
    'sadness',
    'neutral',
    'anger',
    'surprise',
    'disgust',
    'fear',
    'contempt',
    'anxiety',
    'helplessness',
    'disappointment',
)

# The order in which each corpus numbers its classes (the order of DFER-CLIP's lists).
CORPUS_CLASSES = {
    'dfew': EMOTIONS[:7],
    'ferv39k': EMOTIONS[:7],
    'mafw': EMOTIONS,
    'afew': EMOTIONS[:7],
}

# Other words for the same emotions in the corpora's own files and folder names.
_SYNONYMS = {
    'happy': 'happiness',
    'sad': 'sadness',
    'angry': 'anger',
    'surprised': 'surprise',
    'disgusted': 'disgust',
    'fearful': 'fear',
    'contemptuous': 'contempt',
    'anxious': 'anxiety',
    'helpless': 'helplessness',
    'disappointed': 'disappointment',
}

_USUAL_COLORS = dict(
    anger='tab:red', disgust='tab:green', fear='tab:purple', happiness='tab:orange',
    neutral='tab:gray', sadness='tab:blue', surprise='tab:pink',
)  # fmt: skip
_OTHER_COLORS = ('tab:brown', 'tab:cyan', 'tab:olive', 'navy', 'teal', 'gold', 'black', 'indigo')


def class_colors(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, as ``#rrggbb``; the usual seven have the same in all pictures."""
    from matplotlib.colors import to_hex

    others = cycle(_OTHER_COLORS)
    return {name: to_hex(_USUAL_COLORS.get(name) or next(others)) for name in classes}


def emotion_of(word: str) -> str:
    """The emotion for a corpus's word (``'Happy'`` -> ``'happiness'``), case ignored.

    Raises:
        ValueError: when the word is not the name of an emotion.
    """
    key = word.strip().lower()
    emotion = _SYNONYMS.get(key, key)
    if emotion not in EMOTIONS:
        raise ValueError(
            f'{word!r} is not an emotion: expected one of {", ".join(EMOTIONS)} '
            f'(or {", ".join(_SYNONYMS)})'
        )
    return emotion


def resolve_classes(classes: str | Sequence[str]) -> tuple[str, ...]:
    """Class names in label order: of a corpus by its name, or the given ones, checked.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``), or the names.

    Raises:
        ValueError: when the corpus is unknown, or the names are empty, repeated or not strings.
    """
    if isinstance(classes, str):
        if classes.lower() not in CORPUS_CLASSES:
            raise ValueError(
                f'classes={classes!r} is not a corpus: expected one of '
                f'{", ".join(CORPUS_CLASSES)}, or a list of class names'
            )
        return CORPUS_CLASSES[classes.lower()]
    names = tuple(classes)
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise ValueError(f'class names must be non-empty strings, found {wrong[0]!r}: quote it')
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names or repeated:
        raise ValueError(
            f'expected at least one class name and each once, found {len(names)} names'
            + (f' with {", ".join(repeated)} repeated' if repeated else '')
        )
    return names
