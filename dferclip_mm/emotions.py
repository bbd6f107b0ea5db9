"""The emotions, and the class order of each corpus: the one home of label order.

Labels are names; a number means something only beside the order that it was written in, and
several orders of the same classes are in circulation. Everything in this package goes by name.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def emotion_of(word: str) -> str:
    """The emotion that a corpus's word means (``'Happy'`` -> ``'happiness'``), case ignored.

    Raises:
        ValueError: when the word is no emotion's name.
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
        ValueError: when the corpus is unknown, or the names are none, repeated or not strings.
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
