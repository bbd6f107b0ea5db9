"""Explanations as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..emotions import class_colors
from .attention import frame_attention
from .clip import Clip, UndefinedError, frame_similarity, leave_one_out, predict
from .face import overlay, patch_relevance
from .words import text_names, text_similarity


def time_figure(model: Any, clip: Clip, label: int) -> Figure:
    """Draw attention, similarity and effect of each frame, with the frames under the curves."""
    classes, shown = model.cls_head.classes, model.cls_head.classes[label]
    frames, height, width = clip.frames.shape[:3]
    strip = 10 * height / width / max(4, frames)
    figure = Figure(figsize=(12, 6.5 + strip), layout='constrained')
    top, middle, bottom, below = figure.subplots(4, sharex=True, height_ratios=(2, 2, 2, strip))
    top.set_title('attention of the class token to the frame', loc='left')
    try:
        weights, rollout = frame_attention(model, clip)
    except UndefinedError as error:
        top.text(0.5, 0.5, str(error), ha='center', transform=top.transAxes, fontsize=9)
    else:
        top.plot(weights.reshape(frames, -1), color='0.6', lw=0.9)
        top.plot([], color='0.6', lw=0.9, label='each head')
        # Only its shape counts.
        scaled = rollout / rollout.sum() * weights[:, -1].mean(axis=1).sum()
        top.plot(scaled, color='black', lw=2.6, marker='o', label='rollout (scaled)')
    colors = class_colors(classes)
    for name, cosines in zip(classes, frame_similarity(model, clip).T, strict=True):
        middle.plot(cosines, label=name, color=colors[name], lw=3 if name == shown else 1.2)
    middle.set_title("cosine with each class's text, if the frame stood still", loc='left')
    effects = 100 * leave_one_out(model, clip)[:, label]
    bottom.bar(range(frames), effects, width=0.6)
    bottom.set_ylim(min(-2, 1.1 * effects.min()), max(10, 1.1 * effects.max()))
    bottom.set_title(f'points of % that the frame adds to {shown}', loc='left')
    below.imshow(np.hstack([*clip.frames]), extent=(-0.5, frames - 0.5, 0, 1), aspect='auto')
    below.set(xticks=range(frames), xticklabels=clip.numbers, yticks=(), xlabel='frame of the clip')
    figure.legend(loc='outside right upper', fontsize=8, frameon=False)
    figure.suptitle(_answer(model, clip, label))
    return figure


def face_figure(model: Any, clip: Clip, label: int, layer: str | None = None) -> Figure:
    """Draw the relevance of places on the frames (see `patch_relevance`), under plain frames."""
    colored = overlay(clip, patch_relevance(model, clip, label, layer))
    columns = min(8, len(colored))
    rows = -(-len(colored) // columns)
    figure = Figure(figsize=(12, 0.6 + rows * (0.3 + 24 / max(4, columns))), layout='constrained')
    bare = dict(frame_on=False, xticks=(), yticks=())
    grid = figure.subplots(rows, columns, squeeze=False, subplot_kw=bare).flat
    for axes, number, *pair in zip(grid, clip.numbers, clip.frames, colored, strict=False):
        axes.imshow(np.vstack(pair))
        axes.set_title(number, fontsize=8)
    figure.suptitle(f'{_answer(model, clip, label)}, red speaks for it')
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
    answer = f'{classes[label]} {scores[label]:.0%} (answer: {classes[scores.argmax()]})'
    return f'{Path(clip.name).name}: {answer}'
