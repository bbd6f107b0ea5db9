"""The result of an analysis: tables, and the files they are written to."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import atomic_write
from .elan import format_elan
from .moments import Moment
from .overlay import Progress, write_overlay
from .plot import draw_timeline
from .pyfeat import write_session
from .report import write_report
from .subtitles import format_subtitles
from .tables import find_segments, find_tracks, share_time

# Instead of a file's name.
ARRAY = 'array'
TABLES = ('windows', 'faces', 'segments', 'tracks')
FORMATS = ('csv', 'json', 'srt', 'vtt', 'eaf', 'png', 'html', 'mp4', 'fex')


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
        moments: for each track and label a few of the strongest windows, which do not overlap.
    """

    windows: pd.DataFrame
    faces: pd.DataFrame
    classes: Sequence[str]
    info: dict[str, Any]
    moments: Sequence[Moment] = field(default_factory=tuple)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Stretches with one label: ``video, track, start, end, label, score``.

        The label changes where another one is clearly stronger for a second, see `find_segments`.
        Those whose score is below ``info['abstain']`` are left out.
        """
        found = find_segments(self.windows, self.classes)
        return found[found['score'] >= self.info.get('abstain', 0.0)].reset_index(drop=True)

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
    def thumbnails(self) -> dict[int, bytes]:
        """For each track, the JPEG of its face at its strongest moment."""
        weakest_first = sorted(self.moments, key=lambda moment: moment.score)
        return {moment.track: moment.picture for moment in weakest_first}

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

    def content(self) -> dict[str, Any]:
        """``info``, ``summary``, ``classes`` and the tables except ``faces``, in JSON's types."""
        tables = {
            name: json.loads(getattr(self, name).to_json(orient='records', double_precision=6))
            for name in ('tracks', 'segments', 'windows')
        }
        return dict(info=self.info, summary=self.summary, classes=[*self.classes], **tables)

    def save(
        self, folder: str | Path, formats: Sequence[str] = FORMATS[:7], progress: Progress = iter
    ) -> None:
        """Write files into a folder, which is created.

        Args:
            folder: for ``timeline.json`` and so on.
            formats: of `FORMATS`; ``'csv'`` writes ``windows.csv``, ``faces.csv``, ``segments.csv``
                and ``tracks.csv``, ``'fex'`` the folder ``fex`` (`to_pyfeat`).
            progress: of `to_video`.
        """
        folder = Path(folder)
        writers = dict(
            json=self.to_json, srt=self.to_srt, vtt=self.to_vtt, eaf=self.to_elan, png=self.plot,
            html=self.to_html,
        )  # fmt: skip
        for name in formats:
            if name == 'csv':
                for table in TABLES:
                    self.to_csv(folder / f'{table}.csv', table)
            elif name == 'fex':
                self.to_pyfeat(folder / 'fex')
            elif name == 'mp4':
                self.to_video(folder / 'timeline.mp4', progress)
            else:
                writers[name](folder / f'timeline.{name}')

    def to_csv(self, path: str | Path, table: str = 'windows') -> None:
        """Write one of the `TABLES`; numbers have six digits, times are in seconds."""
        atomic_write(path, getattr(self, table).to_csv(index=False, float_format='%.6f'))

    def to_json(self, path: str | Path) -> None:
        """Write `content`."""
        atomic_write(path, json.dumps(self.content(), indent=1, ensure_ascii=False) + '\n')

    def to_srt(self, path: str | Path) -> None:
        """Write the segments as SubRip subtitles."""
        atomic_write(path, format_subtitles(self.segments))

    def to_vtt(self, path: str | Path) -> None:
        """Write the segments as WebVTT subtitles."""
        atomic_write(path, 'WEBVTT\n\n' + format_subtitles(self.segments, point='.'))

    def to_elan(self, path: str | Path) -> None:
        """Write the segments for ELAN, a tier for each face, see `format_elan`."""
        atomic_write(path, format_elan(self, Path(path).parent))

    def plot(self, path: str | Path) -> None:
        """Draw scores, winning classes and strongest moments; the suffix says the format."""
        picture = io.BytesIO()
        draw_timeline(self).savefig(picture, format=Path(path).suffix[1:], dpi=120)
        atomic_write(path, picture.getvalue())

    def to_html(self, path: str | Path) -> None:
        """Write a page with player, curves and tables that needs no network, see `write_report`."""
        write_report(path, self)

    def to_video(self, path: str | Path, progress: Progress = iter) -> None:
        """Write the video with the answers drawn into it, see `write_overlay`."""
        self._check_file()
        write_overlay(path, self, progress)

    def to_pyfeat(self, folder: str | Path) -> None:
        """Write a folder that the viewer of Py-feat Live opens, see `write_session`."""
        self._check_file()
        write_session(folder, self)

    def _check_file(self) -> None:
        if self.info['video'] == ARRAY:
            raise ValueError('expected the timeline of a file, found one of an array')
