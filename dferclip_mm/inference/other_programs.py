"""A timeline for other programs: subtitles, ELAN, Py-feat Live."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..files import atomic_write, write_json
from ..media.playable import write_playable
from .overlay import write_frames

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

_SCHEMA = {
    'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
    'xsi:noNamespaceSchemaLocation': 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd',
}


def write_srt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as SubRip subtitles."""
    atomic_write(path, _cues(timeline, ','))


def write_vtt(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments as WebVTT subtitles."""
    atomic_write(path, 'WEBVTT\n\n' + _cues(timeline, '.'))


def _cues(timeline: EmotionTimeline, point: str) -> str:
    ordered = timeline.segments.sort_values(['start', 'track']).itertuples()
    return '\n'.join(
        f'{number}\n{_clock(row.start, point)} --> {_clock(row.end, point)}\n'
        f'face {row.track}: {row.label} {row.score:.0%}\n'
        for number, row in enumerate(ordered, start=1)
    )


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}'


def write_elan(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments in ELAN's format 3.0: a tier for each face, the classes as vocabulary.

    The video is linked, where there is one.
    """
    segments, classes = timeline.segments, [*timeline.classes]
    date = datetime.now().astimezone().isoformat(timespec='seconds')
    root = Element('ANNOTATION_DOCUMENT', AUTHOR='dferclip_mm', DATE=date)
    root.attrib |= dict(FORMAT='3.0', VERSION='3.0') | _SCHEMA
    header = SubElement(root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds')
    video = Path(timeline.info['video'])
    if video.is_file():
        media = SubElement(header, 'MEDIA_DESCRIPTOR', MIME_TYPE='video/mp4')
        relative = Path(os.path.relpath(video, Path(path).parent)).as_posix()
        media.set('MEDIA_URL', video.absolute().as_uri())
        media.set('RELATIVE_MEDIA_URL', f'./{relative}')
    order = SubElement(root, 'TIME_ORDER')
    for (number, side), seconds in segments[['start', 'end']].stack().sort_values().items():
        slot = SubElement(order, 'TIME_SLOT', TIME_SLOT_ID=f'{side}{number}')
        slot.set('TIME_VALUE', str(round(1000 * seconds)))
    for track, rows in segments.groupby('track'):
        tier = SubElement(root, 'TIER', TIER_ID=f'face {track}', LINGUISTIC_TYPE_REF='emotion')
        for number, label in rows['label'].items():
            said = SubElement(SubElement(tier, 'ANNOTATION'), 'ALIGNABLE_ANNOTATION')
            said.attrib |= dict(ANNOTATION_ID=f'a{number}', CVE_REF=f'cve{classes.index(label)}')
            said.attrib |= dict(TIME_SLOT_REF1=f'start{number}', TIME_SLOT_REF2=f'end{number}')
            SubElement(said, 'ANNOTATION_VALUE').text = label
    kind = SubElement(root, 'LINGUISTIC_TYPE', LINGUISTIC_TYPE_ID='emotion')
    kind.attrib |= dict(TIME_ALIGNABLE='true', GRAPHIC_REFERENCES='false')
    kind.set('CONTROLLED_VOCABULARY_REF', 'emotions')
    SubElement(root, 'LANGUAGE', LANG_ID='und', LANG_LABEL='undetermined (und)')
    vocabulary = SubElement(root, 'CONTROLLED_VOCABULARY', CV_ID='emotions')
    SubElement(vocabulary, 'DESCRIPTION', LANG_REF='und')
    for place, name in enumerate(classes):
        entry = SubElement(vocabulary, 'CV_ENTRY_ML', CVE_ID=f'cve{place}')
        SubElement(entry, 'CVE_VALUE', LANG_REF='und').text = name
    indent(root)
    atomic_write(path, tostring(root, encoding='utf-8', xml_declaration=True))


def write_session(timeline: EmotionTimeline, folder: str | Path) -> None:
    """Write ``video.mp4``, ``fex.csv`` and ``metadata.json``, as Py-feat Live 2 keeps them.

    The folder belongs into the viewer's folder of sessions. Each frame's faces are numbered in
    ``face_idx``. Of a part of a video, only that part is written; frames and times begin with it.
    """
    folder, info, faces = Path(folder), timeline.info, timeline.faces
    if info.get('start') or info.get('end') is not None:
        write_frames(timeline, folder / 'video.mp4', lambda image, rows: image)
        faces = faces.assign(**faces[['frame', 'time']] - faces[['frame', 'time']].min())
    else:
        write_playable(folder / 'video.mp4', timeline.file)
    frames, faces = faces.drop_duplicates('frame'), faces.dropna(subset=['track'])
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
