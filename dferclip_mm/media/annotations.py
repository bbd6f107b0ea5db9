"""Labels of stretches of a video in the formats of other programs: subtitles, ELAN."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

_SCHEMA = {
    'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
    'xsi:noNamespaceSchemaLocation': 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd',
}


class Annotation(NamedTuple):
    """A label from one time to another, in seconds, in a tier; the remark is for subtitles."""

    tier: str
    start: float
    end: float
    label: str
    remark: str = ''


def format_subtitles(annotations: Sequence[Annotation], point: str) -> str:
    """Cues in order of time; the point of the seconds is ``','`` in SubRip, ``'.'`` in WebVTT."""
    ordered = sorted(annotations, key=lambda each: (each.start, each.tier))
    return '\n'.join(
        f'{number}\n{_clock(each.start, point)} --> {_clock(each.end, point)}\n'
        f'{each.tier}: {each.label} {each.remark}\n'
        for number, each in enumerate(ordered, start=1)
    )


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f'{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}'


def format_elan(
    annotations: Sequence[Annotation], labels: Sequence[str], video: Path, folder: Path
) -> bytes:
    """A document of ELAN's format 3.0 for a folder: its tiers, the labels as vocabulary.

    Annotations of a tier stand together. The video is linked, where there is one.
    """
    date = datetime.now().astimezone().isoformat(timespec='seconds')
    root = Element('ANNOTATION_DOCUMENT', AUTHOR='dferclip_mm', DATE=date)
    root.attrib |= dict(FORMAT='3.0', VERSION='3.0') | _SCHEMA
    header = SubElement(root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds')
    if video.is_file():
        media = SubElement(header, 'MEDIA_DESCRIPTOR', MIME_TYPE='video/mp4')
        relative = Path(os.path.relpath(video, folder)).as_posix()
        media.set('MEDIA_URL', video.absolute().as_uri())
        media.set('RELATIVE_MEDIA_URL', f'./{relative}')
    order = SubElement(root, 'TIME_ORDER')
    ends = [(each.start, f'start{number}') for number, each in enumerate(annotations)]
    ends += [(each.end, f'end{number}') for number, each in enumerate(annotations)]
    for seconds, name in sorted(ends):
        value = str(round(1000 * seconds))
        SubElement(order, 'TIME_SLOT', TIME_SLOT_ID=name, TIME_VALUE=value)
    for tier, rows in groupby(enumerate(annotations), key=lambda row: row[1].tier):
        node = SubElement(root, 'TIER', TIER_ID=tier, LINGUISTIC_TYPE_REF='label')
        for number, each in rows:
            said = SubElement(SubElement(node, 'ANNOTATION'), 'ALIGNABLE_ANNOTATION')
            said.attrib |= dict(
                ANNOTATION_ID=f'a{number}', CVE_REF=f'cve{labels.index(each.label)}'
            )
            said.attrib |= dict(TIME_SLOT_REF1=f'start{number}', TIME_SLOT_REF2=f'end{number}')
            SubElement(said, 'ANNOTATION_VALUE').text = each.label
    kind = SubElement(root, 'LINGUISTIC_TYPE', LINGUISTIC_TYPE_ID='label')
    kind.attrib |= dict(TIME_ALIGNABLE='true', GRAPHIC_REFERENCES='false')
    kind.set('CONTROLLED_VOCABULARY_REF', 'labels')
    SubElement(root, 'LANGUAGE', LANG_ID='und', LANG_LABEL='undetermined (und)')
    vocabulary = SubElement(root, 'CONTROLLED_VOCABULARY', CV_ID='labels')
    SubElement(vocabulary, 'DESCRIPTION', LANG_REF='und')
    for place, name in enumerate(labels):
        entry = SubElement(vocabulary, 'CV_ENTRY_ML', CVE_ID=f'cve{place}')
        SubElement(entry, 'CVE_VALUE', LANG_REF='und').text = name
    indent(root)
    return tostring(root, encoding='utf-8', xml_declaration=True)
