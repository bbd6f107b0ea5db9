"""The result of an analysis: a table of windows, and the files it is written to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import atomic_write

WINDOW_COLUMNS = (
    *('video', 'track', 'start', 'end', 'frame_start', 'frame_end'),
    *('x', 'y', 'w', 'h', 'face_score', 'coverage', 'label', 'score'),
)


@dataclass(frozen=True, kw_only=True)
class EmotionTimeline:
    """Emotions over time, for each face of a video.

    Attributes:
        windows: a row for each window of each track, in order of track and time: ``video``;
            ``track``; ``start`` and ``end`` in seconds; ``frame_start`` and ``frame_end``, the
            first and the last frame with the face; ``x``, ``y``, ``w``, ``h``, the median of its
            boxes in pixels; ``face_score``, the mean of the detector's scores; ``coverage``, the
            share of a whole window in which the face is seen (1 for most; less where it is hidden,
            or the track is short); ``label``; ``score``, the label's; a column for each class, of
            scores that sum to 1.
        classes: names of the classes.
        info: how the table was made: model, settings, frames read, what could not be read.
    """

    windows: pd.DataFrame
    classes: Sequence[str]
    info: dict[str, Any]

    def segments(self) -> pd.DataFrame:
        """Stretches of a track with the same label: ``video, track, start, end, label, score``.

        Where windows overlap, each counts for the time that is closest to its middle; ``score`` is
        the mean of the segment's windows.
        """
        rows: list[dict[str, Any]] = []
        for (video, track), group in self.windows.groupby(['video', 'track'], sort=False):
            starts, ends = group['start'].to_numpy(), group['end'].to_numpy()
            middles = (starts + ends) / 2
            between = (middles[1:] + middles[:-1]) / 2
            # Windows with a gap between them end with themselves.
            begin = [starts[0], *between.clip(min=starts[1:])]
            stop = [*between.clip(max=ends[:-1]), ends[-1]]
            labels, scores = group['label'], group['score']
            for values in zip(begin, stop, labels, scores, strict=True):
                start, end, label, score = values
                last = rows[-1] if rows else {}
                same = (last.get('video'), last.get('track'), last.get('label'))
                if same == (video, track, label) and start - last['end'] < 1e-6:
                    last['end'] = end
                    last['scores'].append(score)
                else:
                    rows.append(
                        dict(video=video, track=track, start=start, end=end, label=label,
                             scores=[score])
                    )  # fmt: skip
        for row in rows:
            row['score'] = sum(row['scores']) / len(row.pop('scores'))
        names = ['video', 'track', 'start', 'end', 'label', 'score']
        return pd.DataFrame(rows, columns=names)

    def to_csv(self, path: str | Path) -> None:
        """Write the table of windows; scores have six digits, times are in seconds."""
        atomic_write(path, self.windows.to_csv(index=False, float_format='%.6f'))

    def to_json(self, path: str | Path) -> None:
        """Write ``info``, ``classes``, ``windows`` and ``segments``, each row as an object."""
        tables = {
            name: json.loads(table.to_json(orient='records', double_precision=6))
            for name, table in (('windows', self.windows), ('segments', self.segments()))
        }
        content = {'info': self.info, 'classes': list(self.classes), **tables}
        atomic_write(path, json.dumps(content, indent=1, ensure_ascii=False) + '\n')

    def to_srt(self, path: str | Path) -> None:
        """Write the segments as SubRip subtitles."""
        cues = self._cues(lambda time: _clock(time).replace('.', ','))
        numbered = (f'{number}\n{cue}\n' for number, cue in enumerate(cues, start=1))
        atomic_write(path, '\n'.join(numbered))

    def to_vtt(self, path: str | Path) -> None:
        """Write the segments as WebVTT subtitles."""
        atomic_write(path, '\n'.join(['WEBVTT\n', *(f'{cue}\n' for cue in self._cues(_clock))]))

    def _cues(self, clock: Callable[[float], str]) -> list[str]:
        ordered = self.segments().sort_values(['start', 'track'])
        return [
            f'{clock(row.start)} --> {clock(row.end)}\n'
            f'face {row.track}: {row.label} {row.score:.0%}'
            for row in ordered.itertuples()
        ]


def _clock(seconds: float) -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}'
