"""Explanations as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..inference.plot import class_colors
from .clip import Clip, UndefinedError, predict
from .face import overlay, patch_relevance
from .over_time import frame_attention, frame_similarity, leave_one_out
from .words import text_names, text_similarity

_MOST_CLASSES = 7
_FRAMES_IN_A_ROW = 8


def time_figure(model: Any, clip: Clip, label: int) -> Figure:
    """Draw attention, similarity and effect of each frame, with the frames under the curves."""
    classes = model.cls_head.classes
    frames, height, width = clip.frames.shape[:3]
    strip = 10 * height / width / max(4, frames)
    figure = Figure(figsize=(12, 6.5 + strip), layout='constrained')
    top, middle, bottom, below = figure.subplots(4, sharex=True, height_ratios=(2, 2, 2, strip))
    top.set_title('attention of the class token to the frame', loc='left', fontsize=10)
    try:
        weights, rollout = frame_attention(model, clip)
    except UndefinedError as error:
        top.text(0.5, 0.5, str(error), ha='center', transform=top.transAxes, fontsize=9)
    else:
        top.plot(weights.reshape(-1, frames).T, color='0.6', lw=0.9)
        top.plot([], color='0.6', lw=0.9, label='each head')
        # Only its shape counts.
        scaled = rollout / rollout.sum() * weights[-1].mean(axis=0).sum()
        top.plot(scaled, color='black', lw=2.6, marker='o', label='rollout (scaled)')
    similarity = frame_similarity(model, clip)
    most = similarity.mean(axis=0).argsort()[-_MOST_CLASSES:].tolist()
    for number in sorted({label, *most}):
        style = dict(lw=2.6, marker='o') if number == label else dict(lw=1.2)
        color = class_colors(classes)[classes[number]]
        middle.plot(similarity[:, number], label=classes[number], color=color, **style)
    title = "similarity to each class's text, if the frame stood still (cosine)"
    middle.set_title(title, loc='left', fontsize=10)
    effects = 100 * leave_one_out(model, clip)[:, label]
    bottom.bar(range(frames), effects, width=0.6)
    bottom.set_ylim(min(-2, 1.1 * effects.min()), max(10, 1.1 * effects.max()))
    title = f'what the frame adds to the probability of {classes[label]} (points of %)'
    bottom.set_title(title, loc='left', fontsize=10)
    below.imshow(np.hstack(clip.frames), extent=(-0.5, frames - 0.5, 0, 1), aspect='auto')
    below.set(xticks=range(frames), xticklabels=clip.numbers, yticks=(), xlabel='frame of the clip')
    figure.legend(loc='outside right upper', fontsize=8, frameon=False)
    figure.suptitle(_answer(model, clip, label), fontsize=11)
    return figure


def face_figure(model: Any, clip: Clip, label: int, layer: str | None = None) -> Figure:
    """Draw the relevance of places on the frames (see `patch_relevance`), under plain frames."""
    colored = overlay(clip, patch_relevance(model, clip, label, layer))
    pairs = np.concatenate([clip.frames, colored], axis=1)
    frames, height, width = pairs.shape[:3]
    columns = min(_FRAMES_IN_A_ROW, frames)
    rows = -(-frames // columns)
    side = 12 / max(5, columns)
    size = (side * columns, 0.6 + rows * (side * height / width + 0.4))
    figure = Figure(figsize=size, layout='constrained')
    for start, axes in enumerate(figure.subplots(rows, squeeze=False).flat):
        shown = slice(start * columns, (start + 1) * columns)
        axes.imshow(np.hstack(pairs[shown]))
        ticks = width * np.arange(0.5, len(pairs[shown]))
        axes.set(xticks=ticks, xticklabels=clip.numbers[shown], yticks=())
        axes.set(xlim=(0, width * columns), frame_on=False)
    said = f'{_answer(model, clip, label)}\nred speaks most for {model.cls_head.classes[label]}'
    figure.suptitle(said, fontsize=10)
    return figure


def texts_figure(model: Any) -> Figure:
    """Draw the similarity matrix of the classes' texts."""
    similarity, names = text_similarity(model), text_names(model)
    side = 2.2 + 0.55 * len(names)
    figure = Figure(figsize=(side, side), layout='constrained')
    axes = figure.subplots()
    # Pale colours, on which black digits can be read.
    axes.imshow(similarity, cmap='Blues', vmax=2)
    for (row, column), value in np.ndenumerate(similarity):
        axes.text(column, row, f'{value:.2f}', ha='center', va='center', fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(names)), names)
    axes.set_title("cosines of the classes' texts", fontsize=10)
    return figure


def _answer(model: Any, clip: Clip, label: int) -> str:
    scores, classes = predict(model, clip), model.cls_head.classes
    best = int(scores.argmax())
    said = f'{Path(clip.name).name}: {classes[best]} {scores[best]:.0%}'
    return said if best == label else f'{said}; explained: {classes[label]} {scores[label]:.0%}'
