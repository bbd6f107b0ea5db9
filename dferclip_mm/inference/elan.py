"""Segments as a file of ELAN, the annotation editor of linguists and psychologists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

_SCHEMA = '{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation'
_PLACE = 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd'


def format_elan(timeline: EmotionTimeline, folder: str | Path) -> bytes:
    """The segments in ELAN's format 3.0: a tier for each face, the classes as its vocabulary.

    Args:
        timeline: whose video is linked.
        folder: of the file, from which the link to the video starts.
    """
    root = ElementTree.Element(
        'ANNOTATION_DOCUMENT',
        {'AUTHOR': 'dferclip_mm', 'DATE': '2000-01-01T00:00:00Z', 'FORMAT': '3.0', 'VERSION': '3.0'}
        | {_SCHEMA: _PLACE},
    )

    def add(parent: ElementTree.Element, name: str, **values: object) -> ElementTree.Element:
        return ElementTree.SubElement(
            parent, name, {key: str(each) for key, each in values.items()}
        )

    header = add(root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds')
    video = Path(timeline.info['video'])
    if video.is_file():
        add(
            header,
            'MEDIA_DESCRIPTOR',
            MEDIA_URL=video.absolute().as_uri(),
            RELATIVE_MEDIA_URL=f'./{Path(os.path.relpath(video, folder)).as_posix()}',
            MIME_TYPE='video/mp4' if video.suffix.lower() == '.mp4' else 'unknown',
        )
    order = add(root, 'TIME_ORDER')
    count = 0
    for track, segments in timeline.segments.groupby('track'):
        tier = add(root, 'TIER', TIER_ID=f'face {track}', LINGUISTIC_TYPE_REF='emotion')
        for row in segments.itertuples():
            count += 1
            for side, seconds in ((2 * count - 1, row.start), (2 * count, row.end)):
                value = round(1000 * seconds)
                add(order, 'TIME_SLOT', TIME_SLOT_ID=f'ts{side}', TIME_VALUE=value)
            annotation = add(
                add(tier, 'ANNOTATION'),
                'ALIGNABLE_ANNOTATION',
                ANNOTATION_ID=f'a{count}',
                TIME_SLOT_REF1=f'ts{2 * count - 1}',
                TIME_SLOT_REF2=f'ts{2 * count}',
                CVE_REF=f'cve{[*timeline.classes].index(row.label)}',
            )
            add(annotation, 'ANNOTATION_VALUE').text = row.label
    add(
        root,
        'LINGUISTIC_TYPE',
        LINGUISTIC_TYPE_ID='emotion',
        TIME_ALIGNABLE='true',
        GRAPHIC_REFERENCES='false',
        CONTROLLED_VOCABULARY_REF='emotions',
    )
    add(root, 'LANGUAGE', LANG_ID='und', LANG_LABEL='undetermined (und)')
    vocabulary = add(root, 'CONTROLLED_VOCABULARY', CV_ID='emotions')
    add(vocabulary, 'DESCRIPTION', LANG_REF='und').text = ''
    for number, name in enumerate(timeline.classes):
        entry = add(vocabulary, 'CV_ENTRY_ML', CVE_ID=f'cve{number}')
        add(entry, 'CVE_VALUE', LANG_REF='und', DESCRIPTION='').text = name
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding='utf-8', xml_declaration=True)
