"""The video with the answers drawn into it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from ..files import atomic_write
from ..media.timed_frames import read_timed_frames
from .plot import class_colors

# Units of time in a second, as in most video files.
_TICKS = 90_000
# Seconds before the first frame, from which a decoder starts, and while the last one is shown.
_MORE_SOUND = 0.1


def write_overlay(
    path: str | Path, video: str, faces: pd.DataFrame, classes: Sequence[str]
) -> None:
    """Write a video with a box, a label and a bar of its score at each face, as H.264 in MP4.

    Frames are upright and have their own times; the sound is copied. Where a face has no answer,
    its box is white and has no label.

    Args:
        path: the file.
        video: the file that was analysed.
        faces: the table of an `EmotionTimeline`; the part of the video that it covers is written.
        classes: their names.

    Raises:
        ValueError: when the table is empty.
        OSError: when a file cannot be read or written.
    """
    if not len(faces):
        raise ValueError(f'{video}: no frame of it was analysed, so there is nothing to write')
    atomic_write(path, lambda temporary: _write(str(temporary), video, faces, classes))


def _write(path: str, video: str, faces: pd.DataFrame, classes: Sequence[str]) -> None:
    start, end = float(faces['time'].iloc[0]), float(faces['time'].iloc[-1])
    by_frame = iter(faces.groupby('frame', sort=True))
    colors = {
        name: tuple(round(255 * each) for each in color)
        for name, color in class_colors(classes).items()
    }
    frames = read_timed_frames(video, start=start)
    with av.open(path, 'w', format='mp4') as target, av.open(video) as source:
        picture = target.add_stream('libx264')
        sound = _copy_sound(target, source, start, end)
        for frame in frames:
            _, rows = next(by_frame)
            image = _pad_to_even(_draw_faces(frame.image, rows, classes, colors))
            if not picture.codec_context.is_open:
                picture.height, picture.width = image.shape[:2]
                picture.pix_fmt = 'yuv420p'
                picture.codec_context.time_base = Fraction(1, _TICKS)
                picture.options = {'crf': '20', 'preset': 'veryfast'}
            drawn = av.VideoFrame.from_ndarray(image, format='rgb24')
            drawn.pts, drawn.time_base = round((frame.time - start) * _TICKS), Fraction(1, _TICKS)
            target.mux(picture.encode(drawn))
            sound(frame.time)
            # What comes after may be damaged.
            if frame.time >= end:
                break
        sound(np.inf)
        target.mux(picture.encode())


def _copy_sound(target: Any, source: Any, start: float, end: float) -> Any:
    """A function that copies the packets of the sound up to a time."""
    stream = source.streams.best('audio')
    if stream is None:
        return lambda time: None
    if stream.codec.name not in target.supported_codecs:
        warnings.warn(
            f'{source.name}: MP4 cannot hold its sound ({stream.codec.name}), which is left out',
            stacklevel=2,
        )
        return lambda time: None
    copy = target.add_stream_from_template(stream)
    begun = (source.start_time or 0) / av.time_base + start
    shift = round(begun / stream.time_base)
    packets = (packet for packet in source.demux(stream) if packet.size)
    ahead = _next(packets)

    def copy_until(time: float) -> None:
        nonlocal ahead
        while ahead is not None:
            at = start + float(ahead.pts * ahead.time_base) - begun
            if at > min(time, end + _MORE_SOUND):
                return
            if at >= start - _MORE_SOUND:
                ahead.pts, ahead.dts, ahead.stream = ahead.pts - shift, ahead.dts - shift, copy
                target.mux(ahead)
            ahead = _next(packets)

    return copy_until


def _next(packets: Iterator[Any]) -> Any:
    """The next packet, or None: sound that is damaged ends there."""
    try:
        return next(packets, None)
    except av.FFmpegError:
        return None


def _draw_faces(
    image: np.ndarray, rows: pd.DataFrame, classes: Sequence[str], colors: dict[str, tuple]
) -> np.ndarray:
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas, 'RGBA')
    height, width = image.shape[:2]
    size = max(10, min(height, width) // 30)
    font = ImageFont.truetype(font_manager.findfont('DejaVu Sans'), size)
    line = max(2, size // 6)
    labels: list[tuple[float, float, float, float]] = []
    for row in rows.dropna(subset=['track']).to_dict('records'):
        left, top = row['FaceRectX'], row['FaceRectY']
        right, bottom = left + row['FaceRectWidth'], top + row['FaceRectHeight']
        scores = np.array([row[name] for name in classes])
        best = scores.max()
        if np.isnan(best):
            pen.rectangle((left, top, right, bottom), outline='white')
            continue
        label = classes[int(scores.argmax())]
        color = colors[label]
        pen.rectangle((left, top, right, bottom), outline=color, width=line)
        pen.rectangle((left, bottom - 3 * line, right, bottom), (0, 0, 0, 110))
        pen.rectangle((left, bottom - 3 * line, left + best * (right - left), bottom), color)
        text = f'face {row["track"]}  {label} {best:.0%}'
        place = _place_label((left, top), pen.textbbox((0, 0), text, font=font)[2:], width, labels)
        labels.append(place)
        pen.rectangle(place, color)
        dark = np.dot(color, (0.299, 0.587, 0.114)) > 150
        pen.text((place[0] + 3, place[1] + 3), text, 'black' if dark else 'white', font)
    return np.asarray(canvas)


def _place_label(
    corner: tuple[float, float], size: tuple[float, ...], width: int, taken: list[tuple]
) -> tuple[float, float, float, float]:
    """A rectangle above the corner of a box, inside the frame and above other labels there."""
    across, down = size[0] + 6, size[1] + 6
    left = min(max(corner[0], 0), max(0, width - across))
    top = max(corner[1] - down, 0)
    for x, y, right, bottom in sorted(taken, key=lambda place: -place[1]):
        if x < left + across and left < right and y < top + down and top < bottom:
            top = max(y - down, 0)
    return left, top, left + across, top + down


def _pad_to_even(image: np.ndarray) -> np.ndarray:
    """The frame with even sides, as H.264 wants them; its last row or column is repeated."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
