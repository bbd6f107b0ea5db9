"""All explanations of a clip, and of a model's words, as files."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .clip import Clip, UndefinedError, predict
from .face import overlay, patch_relevance
from .figures import face_figure, png, texts_figure, time_figure
from .words import near_words, sentence_effects


class Explanation(NamedTuple):
    """Names of files and their contents, and sentences about what is not defined for the model."""

    files: dict[str, bytes]
    undefined: list[str]


def explain_clip(
    model: Any, clip: Clip, label: int | None = None, layer: str | None = None
) -> Explanation:
    """``time.png``, ``face.png`` and ``sentences.csv``, as far as the model defines them.

    Args:
        model, clip: see the room.
        label: the class to explain; the model's answer by default.
        layer: as in `patch_relevance`.

    Raises:
        ValueError: when the backbone has no such layer.
    """
    label = int(predict(model, clip).argmax()) if label is None else label
    files, undefined = {'time.png': png(time_figure(model, clip, label))}, []
    try:
        files['face.png'] = png(face_figure(model, clip, label, layer))
    except UndefinedError as error:
        undefined.append(f'no face.png: {error}')
    try:
        files['sentences.csv'] = sentence_effects(model, clip).to_csv(index=False).encode()
    except UndefinedError as error:
        undefined.append(f'no sentences.csv: {error}')
    return Explanation(files, undefined)


def face_frames(model: Any, clip: Clip, label: int | None = None) -> np.ndarray:
    """A clip's frames with the relevance of places on them, for reports: (T, H, W, 3) RGB.

    Args:
        model, clip: see the room.
        label: the class to explain; the model's answer by default.

    Raises:
        UndefinedError: when no relevance is defined for the backbone.
    """
    label = int(predict(model, clip).argmax()) if label is None else label
    return overlay(clip, patch_relevance(model, clip, label))


def explain_texts(model: Any) -> Explanation:
    """``texts.png`` and ``near_words.csv``, as far as the model defines them."""
    files, undefined = {'texts.png': png(texts_figure(model))}, []
    try:
        files['near_words.csv'] = near_words(model).to_csv(index=False).encode()
    except UndefinedError as error:
        undefined.append(f'no near_words.csv: {error}')
    return Explanation(files, undefined)
