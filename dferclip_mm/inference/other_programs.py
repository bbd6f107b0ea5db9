"""A timeline for other programs: subtitles, ELAN, Py-feat Live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write, write_json
from ..media.annotations import Annotation, format_elan, format_subtitles
from ..media.playable import write_playable
from .overlay import write_frames

if TYPE_CHECKING:
    from .timeline import EmotionTimeline


def _annotations(timeline: EmotionTimeline) -> list[Annotation]:
    """The segments, each in the tier of its face."""
    return [
        Annotation(f'face {row.track}', row.start, row.end, row.label, f'{row.score:.0%}')
        for row in timeline.segments.itertuples()
    ]


def write_srt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as SubRip subtitles."""
    atomic_write(path, format_subtitles(_annotations(timeline), ','))


def write_vtt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as WebVTT subtitles."""
    atomic_write(path, 'WEBVTT\n\n' + format_subtitles(_annotations(timeline), '.'))


def write_elan(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments for ELAN: a tier for each face, the classes as vocabulary."""
    video, folder = Path(timeline.info['video']), Path(path).parent
    atomic_write(path, format_elan(_annotations(timeline), [*timeline.classes], video, folder))


def write_session(timeline: EmotionTimeline, folder: str | Path) -> None:
    """Write ``video.mp4``, ``fex.csv`` and ``metadata.json``, as Py-feat Live 2 keeps them.

    The folder belongs into the viewer's folder of sessions. Each frame's faces are numbered in
    ``face_idx``. Of a part of a video, only that part is written; frames and times begin with it.
    """
    folder, info, faces = Path(folder), timeline.info, timeline.faces
    if info.get('start') or info.get('end') is not None or info.get('interrupted'):
        write_frames(timeline, folder / 'video.mp4', lambda image, rows: image)
        faces = faces.assign(**faces[['frame', 'time']] - faces[['frame', 'time']].min())
    else:
        write_playable(folder / 'video.mp4', timeline.file)
    frames, faces = faces.drop_duplicates('frame'), faces.dropna(subset=['track'])
    mean = frames['time'].diff().mean()
    faces = faces.assign(face_idx=faces.groupby('frame').cumcount())
    atomic_write(folder / 'fex.csv', faces.to_csv(index=False, float_format='%.6f'))
    used = dict(detector_type='dferclip_mm', face_model=info['detector'])
    used |= dict(emotion_model=info['checkpoint'], source_file=Path(info['video']).name)
    content = dict(
        type='analyze_video',
        duration_seconds=float(frames['time'].max() - frames['time'].min()),
        # The viewer counts frames at one rate; one frame has none.
        fps=round(float(1 / mean), 3) if mean > 0 else 25.0,
        frames_written=info['frames'],
        width=info['size'][0],
        height=info['size'][1],
        source_type='analyze',
        detector=used,
    )
    write_json(folder / 'metadata.json', content)
