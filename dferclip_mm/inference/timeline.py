"""The result of an analysis: tables, and the files they are written to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import atomic_write
from .moments import Moment
from .other_programs import write_elan, write_session, write_srt, write_vtt
from .overlay import Progress, write_overlay
from .plot import write_plot
from .report import write_report
from .tables import find_segments, find_tracks, share_time

# Instead of a file's name.
ARRAY = 'an array'
TABLES = ('windows', 'faces', 'segments', 'tracks')
FORMATS = ('csv', 'json', 'srt', 'vtt', 'eaf', 'png', 'html', 'mp4', 'fex')


@dataclass(frozen=True, kw_only=True)
class EmotionTimeline:
    """Emotions over time, for each face of a video.

    Scores are a model's, calibrated where ``info['temperature']`` is not 1; an expression is not a
    feeling, and a track is a face that was followed, not a person who was recognised.

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
    moments: Sequence[Moment] = ()

    @property
    def file(self) -> str:
        """The video; ValueError when it was an array or a camera."""
        if not Path(self.info['video']).is_file():
            raise ValueError(f'expected the timeline of a file, found one of {self.info["video"]}')
        return self.info['video']

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Stretches with one label, see `find_segments`, of a score from ``info['abstain']``."""
        found = find_segments(self.windows, self.classes)
        return found[found['score'] >= self.info.get('abstain', 0.0)].reset_index(drop=True)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """A row for each track.

        ``video``; ``track``; ``start`` and ``end``, when it was first and last seen; ``frames``
        with it; ``gaps``, how often it was hidden between them; ``height``, the median in pixels;
        ``windows``; ``label``, which wins for the longest time; ``peak_label``, ``peak_score`` and
        ``peak``, the strongest window and its middle in seconds, as in `moments`; for each class
        the share of the answered time in which it wins. The last ones are empty for a track too
        short to be answered.
        """
        return find_tracks(self.faces, self.windows, self.segments, self.classes)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Counts of frames and tracks, seconds answered of all faces, each class's part of them."""
        return dict(
            frames=self.faces['frame'].nunique(),
            frames_with_face=self.faces['frame'][self.faces['track'].notna()].nunique(),
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
        """Write ``timeline.json`` and so on.

        Of `FORMATS`, ``'csv'`` writes ``windows.csv`` and each other of the `TABLES`, ``'fex'`` the
        folder ``fex`` (`to_pyfeat`). ``progress`` is that of `to_video`.
        """
        folder = Path(folder)
        writers = dict(
            json=self.to_json, srt=self.to_srt, vtt=self.to_vtt, eaf=self.to_elan, png=self.plot,
            html=self.to_html, mp4=lambda path: self.to_video(path, progress),
            fex=lambda path: self.to_pyfeat(folder / 'fex'),
        )  # fmt: skip
        for name in formats:
            if name in writers:
                writers[name](folder / f'timeline.{name}')
            else:
                for table in TABLES:
                    self.to_csv(folder / f'{table}.csv', table)

    def to_csv(self, path: str | Path, table: str = 'windows') -> None:
        """Write one of the `TABLES`; numbers have six digits, times are in seconds."""
        atomic_write(path, getattr(self, table).to_csv(index=False, float_format='%.6f'))

    def to_json(self, path: str | Path) -> None:
        """Write `content`."""
        atomic_write(path, json.dumps(self.content(), indent=1, ensure_ascii=False) + '\n')

    # Functions of a timeline and a path.
    to_srt, to_vtt, to_elan, to_html = write_srt, write_vtt, write_elan, write_report
    plot, to_video, to_pyfeat = write_plot, write_overlay, write_session
