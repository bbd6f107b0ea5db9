"""The folder of a recording in Py-feat Live, whose viewer opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write, write_json
from ..media.playable import write_playable

if TYPE_CHECKING:
    from .timeline import EmotionTimeline


def write_session(folder: str | Path, timeline: EmotionTimeline) -> None:
    """Write ``video.mp4``, ``fex.csv`` and ``metadata.json``, as Py-feat Live 2 keeps them.

    Args:
        folder: it is created; put it into the viewer's folder of sessions.
        timeline: of a video file. Each frame's faces are numbered in ``face_idx``.

    Raises:
        ValueError, OSError: when a file cannot be read or written.
    """
    folder, info = Path(folder), timeline.info
    faces = timeline.faces.dropna(subset=['track'])
    faces = faces.assign(face_idx=faces.groupby('frame').cumcount())
    write_playable(folder / 'video.mp4', info['video'])
    atomic_write(folder / 'fex.csv', faces.to_csv(index=False, float_format='%.6f'))
    times, (width, height) = timeline.faces['time'], info['size']
    seconds = float(times.max() - times.min()) if len(times) > 1 else 0.0
    write_json(
        folder / 'metadata.json',
        dict(
            type='analyze_video',
            duration_seconds=seconds,
            # The viewer counts frames at one rate.
            fps=round((timeline.faces['frame'].nunique() - 1) / seconds, 3) if seconds else 25.0,
            width=width,
            height=height,
            frames_written=info['frames'],
            record_video=True,
            video_mode='clean',
            record_fex=True,
            source_type='analyze',
            detector=dict(
                detector_type='dferclip_mm',
                face_model=info['detector'],
                emotion_model=Path(info['checkpoint']).name,
                source_file=Path(info['video']).name,
            ),
        ),
    )
