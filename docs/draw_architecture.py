"""Draw docs/images/architecture.png: frames, CLIP, temporal Transformer, similarity with prompts.

PYTHONPATH=demo python docs/draw_architecture.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from drawn_faces.clips import draw_clip
from drawn_faces.identities import random_identity
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).resolve().parent
BLUE, ORANGE, GREY = '#dbe7f5', '#fbe3cf', '#eeeeee'
CLASSES = ('happiness', 'sadness', 'neutral', '…')


def box(ax: Any, x: float, y: float, width: float, height: float, text: str, color: str) -> None:
    """A rounded box with a text in its middle."""
    style = 'round,pad=0.02,rounding_size=0.08'
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, fc=color, ec='#555555'))
    ax.text(x + width / 2, y + height / 2, text, ha='center', va='center', fontsize=11)


def arrow(ax: Any, start: tuple[float, float], end: tuple[float, float], text: str = '') -> None:
    """An arrow with the shape of what flows along it."""
    ax.annotate('', end, start, arrowprops=dict(arrowstyle='-|>', color='#333333', lw=1.4))
    if text:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.13)
        ax.text(*middle, text, ha='center', fontsize=9, color='#333333')


def faces() -> list[np.ndarray]:
    """Four frames of a drawn person who begins to smile: (H, W, 3) each."""
    rng = np.random.default_rng(7)
    clip = draw_clip(random_identity(rng), 'happiness', num_frames=16, size=224, rng=rng)
    return [clip.frames[index] for index in np.linspace(0, clip.apex, 4).astype(int)]


def draw() -> plt.Figure:
    """The figure, one unit an inch."""
    figure, ax = plt.subplots(figsize=(11.6, 3.9))
    ax.set(xlim=(0, 11.6), ylim=(0, 3.9))
    ax.set_axis_off()
    for index, face in enumerate(faces()):
        left, top = 0.15 + 0.22 * index, 3.35 - 0.14 * index
        ax.imshow(face, extent=(left, left + 1.0, top - 1.0, top), zorder=index)
    ax.text(0.98, 3.55, 'T frames of a face', ha='center', fontsize=11)
    box(ax, 2.4, 2.15, 1.7, 1.0, 'CLIP\nimage tower', BLUE)
    box(ax, 5.0, 2.15, 1.9, 1.0, 'temporal\nTransformer\nwith class token', BLUE)
    sentences = '[context] widened eyes, an open mouth …\n[context] furrowed eyebrows, tight lips …'
    box(ax, 0.15, 0.35, 3.6, 0.85, f'{sentences}\none prompt for each class', ORANGE)
    box(ax, 5.0, 0.3, 1.9, 0.95, 'CLIP\ntext tower\n(frozen)', GREY)
    box(ax, 8.0, 1.2, 1.5, 1.0, 'cosine\nsimilarity', BLUE)
    arrow(ax, (1.9, 2.65), (2.35, 2.65))
    arrow(ax, (4.15, 2.65), (4.95, 2.65), 'T × D')
    arrow(ax, (6.95, 2.65), (8.2, 2.25), 'D')
    arrow(ax, (3.8, 0.78), (4.95, 0.78))
    arrow(ax, (6.95, 0.78), (8.2, 1.15), 'C × D')
    arrow(ax, (9.55, 1.7), (10.0, 1.7))
    for index, (name, share) in enumerate(zip(CLASSES, (0.8, 0.12, 0.35, 0.2), strict=True)):
        y = 2.15 - 0.3 * index
        ax.barh(y, share * 0.6, height=0.16, left=10.05, color='#4878a8')
        ax.text(10.58, y, name, va='center', fontsize=9.5)
    ax.set(xlim=(0, 11.6), ylim=(0, 3.9))
    figure.tight_layout(pad=0.2)
    return figure


if __name__ == '__main__':
    draw().savefig(HERE / 'images' / 'architecture.png', dpi=110)
