"""The result of an analysis: tables, and the files they are written to."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import atomic_write
from .overlay import write_overlay
from .plot import draw_timeline
from .subtitles import format_subtitles
from .tables import find_segments, find_tracks, share_time

# Instead of a file's name.
ARRAY = 'array'
TABLES = ('windows', 'faces', 'segments', 'tracks')
FORMATS = ('csv', 'json', 'srt', 'vtt', 'png', 'mp4')


@dataclass(frozen=True, kw_only=True)
class EmotionTimeline:
    """Emotions over time, for each face of a video.

    Scores are a model's and not calibrated, an expression is not a feeling, and a track is a face
    that was followed, not a person who was recognised.

    Attributes:
        windows: a row for each window of each track, in order of track and time: ``video``;
            ``track``; ``start`` and ``end`` in seconds; ``frame_start`` and ``frame_end``, the
            first and the last frame with the face; ``x``, ``y``, ``w``, ``h``, the median of its
            boxes in pixels; ``face_score``, the mean of the detector's scores; ``coverage``, the
            share of a whole window in which the face is seen (1 for most; less where it is hidden,
            or the track is short); ``label``; ``score``, the label's; a column for each class, of
            scores that sum to 1.
        faces: a row for each face of each frame, and a row of empty values for a frame without a
            face, in py-feat's names: ``input``; ``frame``, from 0; ``time`` in seconds; ``track``;
            ``FaceRectX``, ``FaceRectY``, ``FaceRectWidth``, ``FaceRectHeight`` in pixels of the
            upright frame; ``FaceScore``; ``x_0``, ``y_0`` to ``x_4``, ``y_4``, five landmarks (see
            `dferclip_mm.faces.boxes.Faces`); ``interpolated``, whether the face was detected
            before and after this frame and not in it; a column for each class, between the scores
            of the windows around, empty where none is; ``Identity``, the track as text.
        classes: names of the classes.
        info: how the tables were made: model, settings, frames read, what could not be read.
        thumbnails: for each track, the JPEG of its face in the middle of its strongest window.
    """

    windows: pd.DataFrame
    faces: pd.DataFrame
    classes: Sequence[str]
    info: dict[str, Any]
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Stretches of a track with the same label: ``video, track, start, end, label, score``.

        Where windows overlap, each counts for the time that is closest to its middle; ``score`` is
        the mean of the segment's windows.
        """
        return find_segments(self.windows)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """A row for each track.

        ``video``; ``track``; ``start`` and ``end``, when it was first and last seen; ``frames``
        with it; ``gaps``, how often it was hidden between them; ``height``, the median in pixels;
        ``windows``; ``label``, which wins for the longest time; ``peak_label``, ``peak_score`` and
        ``peak``, the strongest window and its middle; for each class the share of the answered
        time in which it wins. The last ones are empty for a track too short to be answered.
        """
        return find_tracks(self.faces, self.windows, self.segments, self.classes)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The video in a few numbers.

        ``frames``; ``frames_with_face``; ``tracks``; ``tracks_answered``; ``seconds_answered``, of
        all faces; ``shares``, each class's part of that time.
        """
        seen = self.faces.dropna(subset=['track'])
        return dict(
            frames=self.faces['frame'].nunique(),
            frames_with_face=seen['frame'].nunique(),
            tracks=len(self.tracks),
            tracks_answered=int((self.tracks['windows'] > 0).sum()),
            seconds_answered=float((self.segments['end'] - self.segments['start']).sum()),
            shares=share_time(self.segments, self.classes),
        )

    def save(self, folder: str | Path, formats: Sequence[str] = FORMATS[:-1]) -> None:
        """Write files into a folder.

        Args:
            folder: it is created.
            formats: of ``'csv'``, which writes ``windows.csv``, ``faces.csv``, ``segments.csv`` and
                ``tracks.csv``; ``'json'``, ``'srt'``, ``'vtt'``, ``'png'`` (`plot`) and ``'mp4'``
                (`to_video`), which write ``timeline.json`` and so on.
        """
        folder = Path(folder)
        writers = dict(
            json=self.to_json, srt=self.to_srt, vtt=self.to_vtt, png=self.plot, mp4=self.to_video
        )
        for name in formats:
            if name == 'csv':
                for table in TABLES:
                    self.to_csv(folder / f'{table}.csv', table)
            else:
                writers[name](folder / f'timeline.{name}')

    def to_csv(self, path: str | Path, table: str = 'windows') -> None:
        """Write a table; numbers have six digits, times are in seconds.

        Args:
            path: the file.
            table: ``'windows'``, ``'faces'``, ``'segments'`` or ``'tracks'``.
        """
        atomic_write(path, getattr(self, table).to_csv(index=False, float_format='%.6f'))

    def to_json(self, path: str | Path) -> None:
        """Write ``info``, ``summary``, ``classes`` and the tables except ``faces``."""
        tables = {
            name: json.loads(getattr(self, name).to_json(orient='records', double_precision=6))
            for name in ('tracks', 'segments', 'windows')
        }
        content = dict(info=self.info, summary=self.summary, classes=[*self.classes], **tables)
        atomic_write(path, json.dumps(content, indent=1, ensure_ascii=False) + '\n')

    def to_srt(self, path: str | Path) -> None:
        """Write the segments as SubRip subtitles."""
        atomic_write(path, format_subtitles(self.segments))

    def to_vtt(self, path: str | Path) -> None:
        """Write the segments as WebVTT subtitles."""
        atomic_write(path, 'WEBVTT\n\n' + format_subtitles(self.segments, point='.'))

    def plot(self, path: str | Path) -> None:
        """Draw scores, winning classes and strongest moments, see `draw_timeline`.

        Args:
            path: the file; its suffix says the format, such as PNG, SVG or PDF.
        """
        figure = draw_timeline(
            self.windows, self.segments, self.tracks, self.thumbnails, self.classes
        )
        picture = io.BytesIO()
        figure.savefig(picture, format=Path(path).suffix[1:], dpi=120)
        atomic_write(path, picture.getvalue())

    def to_video(self, path: str | Path) -> None:
        """Write the video with the answers drawn into it, see `write_overlay`.

        Raises:
            ValueError: when the timeline is of an array, which has no file.
            OSError: when a file cannot be read or written.
        """
        if self.info['video'] == ARRAY:
            raise ValueError('expected the timeline of a file, found one of an array')
        write_overlay(path, self.info['video'], self.faces, self.classes)
