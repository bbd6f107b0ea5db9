"""Explanations as pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..inference.plot import class_colors
from .clip import Clip, UndefinedError, predict
from .face import overlay, patch_relevance
from .over_time import frame_attention, frame_similarity, leave_one_out
from .words import text_names, text_similarity

_MOST_CLASSES = 7
_FRAMES_IN_A_ROW = 8
_TITLE: dict[str, Any] = dict(loc='left', fontsize=10)


def time_figure(model: Any, clip: Clip, label: int) -> Figure:
    """Draw attention, similarity and effect of each frame, with the frames under the curves."""
    frames, classes = len(clip.numbers), model.cls_head.classes
    height, width = clip.frames.shape[1:3]
    strip = min(1.8, 10 / frames * height / width)
    half = min(0.47, strip * width / height * frames / 20)
    figure = Figure(figsize=(12, 6.5 + strip), layout='constrained')
    top, middle, bottom, below = figure.subplots(4, 1, height_ratios=(1.9, 1.9, 1.9, strip))
    _draw_attention(top, model, clip)
    similarity = frame_similarity(model, clip)
    most = similarity.mean(axis=0).argsort()[::-1][:_MOST_CLASSES]
    for number in sorted({*most.tolist(), label}):
        style = dict(lw=2.6, marker='o') if number == label else dict(lw=1.2)
        color = class_colors(classes)[classes[number]]
        middle.plot(similarity[:, number], label=classes[number], color=color, **style)
    middle.set_title("similarity to each class's text, if the frame stood still", **_TITLE)
    middle.set_ylabel('cosine')
    effects = 100 * leave_one_out(model, clip)[:, label]
    colors = np.where(effects >= 0, 'tab:blue', 'tab:red')
    bottom.bar(range(frames), effects, color=colors, width=0.6)
    bottom.axhline(0, color='0.3', lw=0.8)
    bottom.set_title(f'what the frame adds to the probability of {classes[label]}', **_TITLE)
    bottom.set_ylabel('points of %')
    bottom.set_ylim(min(-2, 1.1 * effects.min()), max(10, 1.1 * effects.max()))
    for axes in (top, middle, bottom):
        axes.set_xlim(-0.5, frames - 0.5)
        axes.set_xticks(range(frames), [])
        axes.grid(alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
        if axes.lines and axes is not bottom:
            axes.legend(loc='center left', bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    for place, frame in enumerate(clip.frames):
        below.imshow(frame, extent=(place - half, place + half, 0, 1), aspect='auto')
    below.set(xlim=(-0.5, frames - 0.5), ylim=(0, 1), yticks=(), xlabel='frame of the clip')
    below.set_xticks(range(frames), [str(number) for number in clip.numbers])
    below.spines[:].set_visible(False)
    figure.suptitle(_answer(model, clip, label), fontsize=11)
    return figure


def _draw_attention(axes: Axes, model: Any, clip: Clip) -> None:
    axes.set_title('attention of the class token to the frame', **_TITLE)
    try:
        weights, rollout = frame_attention(model, clip)
    except UndefinedError as error:
        axes.text(0.5, 0.5, str(error), ha='center', transform=axes.transAxes, fontsize=9)
        axes.set_yticks(())
        return
    # A block halves what others pass on, and keeps the class token's own: the shape counts.
    scaled = rollout / rollout.sum() * weights[-1].mean(axis=0).sum()
    for number, head in enumerate(weights.reshape(-1, len(rollout))):
        axes.plot(head, color='0.6', lw=0.9, label='' if number else 'each head')
    axes.plot(scaled, color='black', lw=2.6, marker='o', label='rollout (scaled)')
    axes.set(ylim=(0, None), ylabel='share')


def face_figure(model: Any, clip: Clip, label: int, layer: str | None = None) -> Figure:
    """Draw the relevance of places on the frames, under the plain frames.

    Raises:
        UndefinedError, ValueError: as `patch_relevance`.
    """
    relevance = patch_relevance(model, clip, label, layer)
    height, width = clip.frames.shape[1:3]
    columns = min(_FRAMES_IN_A_ROW, len(clip.numbers))
    rows = -(-len(clip.numbers) // columns)
    side = min(2.2, 12 / columns)
    size = (side * columns, 0.6 + rows * (2 * side * height / width + 0.4))
    figure = Figure(figsize=size, layout='constrained')
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    shown = zip(clip.frames, overlay(clip, relevance), strict=True)
    for place, (frame, colored) in enumerate(shown):
        above, below = grid[2 * (place // columns) :, place % columns][:2]
        above.imshow(frame)
        above.set_title(str(clip.numbers[place]), fontsize=8, pad=2)
        below.imshow(colored)
    said = f'{_answer(model, clip, label)}\nred speaks most for {model.cls_head.classes[label]}'
    figure.suptitle(said, fontsize=10)
    return figure


def texts_figure(model: Any) -> Figure:
    """Draw the similarity matrix of the classes' texts."""
    similarity, classes = text_similarity(model), text_names(model)
    side = 2.2 + 0.55 * len(classes)
    figure = Figure(figsize=(side + 0.8, side), layout='constrained')
    axes = figure.add_subplot()
    low = similarity.min()
    image = axes.imshow(similarity, cmap='viridis', vmin=low, vmax=1)
    for (row, column), value in np.ndenumerate(similarity):
        color = 'black' if value > (low + 1) / 2 else 'white'
        axes.text(column, row, f'{value:.2f}', ha='center', va='center', fontsize=8, color=color)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(len(classes)), classes)
    axes.set_title("cosines of the classes' texts", fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG, for a file or a page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=100)
    return buffer.getvalue()


def _answer(model: Any, clip: Clip, label: int) -> str:
    scores, classes = predict(model, clip), model.cls_head.classes
    best = int(scores.argmax())
    said = f'{Path(clip.name).name}: {classes[best]} {scores[best]:.0%}'
    return said if best == label else f'{said}; explained: {classes[label]} {scores[label]:.0%}'
