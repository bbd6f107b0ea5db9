"""The folder of a recording in Py-feat Live, whose viewer opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write, write_json
from ..media.playable import write_playable

if TYPE_CHECKING:
    from .timeline import EmotionTimeline


def write_session(timeline: EmotionTimeline, folder: str | Path) -> None:
    """Write ``video.mp4``, ``fex.csv`` and ``metadata.json``, as Py-feat Live 2 keeps them.

    The folder belongs into the viewer's folder of sessions. Each frame's faces are numbered in
    ``face_idx``. ValueError for the timeline of an array.
    """
    folder, info, frames = Path(folder), timeline.info, timeline.faces.drop_duplicates('frame')
    write_playable(folder / 'video.mp4', timeline.file)
    faces = timeline.faces.dropna(subset=['track'])
    faces = faces.assign(face_idx=faces.groupby('frame').cumcount())
    atomic_write(folder / 'fex.csv', faces.to_csv(index=False, float_format='%.6f'))
    used = dict(detector_type='dferclip_mm', face_model=info['detector'])
    used |= dict(emotion_model=info['checkpoint'], source_file=Path(info['video']).name)
    content = dict(
        type='analyze_video',
        duration_seconds=float(frames['time'].max() - frames['time'].min()),
        # The viewer counts frames at one rate.
        fps=round(float(1 / frames['time'].diff().mean()), 3),
        frames_written=info['frames'],
        width=info['size'][0],
        height=info['size'][1],
        source_type='analyze',
        detector=used,
    )
    write_json(folder / 'metadata.json', content)
