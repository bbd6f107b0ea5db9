"""The video with the answers drawn into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..emotions import class_colors
from ..faces.boxes import BOX_COLUMNS
from ..files import atomic_write
from ..media.draw_boxes import LabelledBox, draw_boxes
from ..media.timed_frames import TimedFrame, read_timed_frames
from ..media.write_video import write_video

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

Progress = Callable[[Iterable[TimedFrame]], Iterable[TimedFrame]]
Draw = Callable[[np.ndarray, pd.DataFrame], np.ndarray]


def write_overlay(timeline: EmotionTimeline, path: str | Path, progress: Progress = iter) -> None:
    """Write the part that was analysed with a box, a label and a bar of its score at each face.

    Where a face has no answer, its box is white. ``progress`` is that of `write_frames`.
    """
    colors = class_colors(timeline.classes)
    write_frames(timeline, path, lambda image, rows: draw_faces(image, rows, colors), progress)


def write_frames(
    timeline: EmotionTimeline, path: str | Path, draw: Draw, progress: Progress = iter
) -> None:
    """Write the frames that were analysed, each drawn with its rows of the table of faces.

    Frames are upright and have their own times; the sound is copied. ``progress`` passes the
    frames on, to show how many were written. ValueError where there are none.
    """
    video, faces = timeline.file, timeline.faces
    if not len(faces):
        raise ValueError(f'{video}: no frame of it was analysed, so there is nothing to write')
    first, last = float(faces['time'].iloc[0]), float(faces['time'].iloc[-1])

    def drawn() -> Iterator[TimedFrame]:
        # The table has each frame; the video may be damaged after its last one.
        frames = progress(read_timed_frames(video, start=first))
        for (_, rows), frame in zip(faces.groupby('frame'), frames, strict=False):
            yield frame._replace(image=draw(frame.image, rows))

    atomic_write(path, lambda temporary: write_video(str(temporary), drawn(), video, last))


def draw_faces(image: np.ndarray, rows: pd.DataFrame, colors: Mapping[str, str]) -> np.ndarray:
    """A frame (H, W, 3) with the faces of its rows drawn into it, in the colours of the classes."""
    boxes = []
    for row in rows.dropna(subset=['track']).to_dict('records'):
        x, y, width, height = (row[name] for name in BOX_COLUMNS)
        corners = (x, y, x + width, y + height)
        label = max(colors, key=lambda name: row[name])
        if np.isnan(row[label]):
            boxes.append(LabelledBox(corners))
            continue
        text = f'face {row["track"]}  {label} {row[label]:.0%}'
        # Labels of two people who cross stand above and below.
        boxes.append(LabelledBox(corners, text, colors[label], row[label], row['track'] % 2 == 1))
    return draw_boxes(image, boxes)
