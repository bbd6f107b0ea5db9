"""Segments as a file of ELAN, the annotation editor of linguists and psychologists."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from ..files import atomic_write

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="dferclip_mm" DATE="{date}" FORMAT="3.0" VERSION="3.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}</HEADER>
<TIME_ORDER>
{slots}
</TIME_ORDER>
{tiers}
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="emotion" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"
    CONTROLLED_VOCABULARY_REF="emotions"/>
<LANGUAGE LANG_ID="und" LANG_LABEL="undetermined (und)"/>
<CONTROLLED_VOCABULARY CV_ID="emotions">
<DESCRIPTION LANG_REF="und"/>
{words}
</CONTROLLED_VOCABULARY>
</ANNOTATION_DOCUMENT>
"""
_MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL={} RELATIVE_MEDIA_URL={} MIME_TYPE="video/mp4"/>'
_ANNOTATION = """<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{0}" TIME_SLOT_REF1="{1}" \
TIME_SLOT_REF2="{2}" CVE_REF="cve{3}">
<ANNOTATION_VALUE>{4}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"""


def write_elan(timeline: EmotionTimeline, path: str | Path) -> None:
    """Write the segments in ELAN's format 3.0: a tier for each face, the classes as vocabulary.

    The video is linked, where there is one.
    """
    segments, classes = timeline.segments, [*timeline.classes]
    edges = sorted(
        (round(1000 * seconds), side, number)
        for side in ('start', 'end')
        for number, seconds in segments[side].items()
    )
    slots = {edge[1:]: f'ts{place}' for place, edge in enumerate(edges)}
    tiers = []
    for track, rows in segments.groupby('track'):
        tiers.append(f'<TIER TIER_ID="face {track}" LINGUISTIC_TYPE_REF="emotion">')
        for number, label in rows['label'].items():
            ends = (slots['start', number], slots['end', number])
            tiers.append(_ANNOTATION.format(number, *ends, classes.index(label), escape(label)))
        tiers.append('</TIER>')
    video = Path(timeline.info['video'])
    links = (
        video.absolute().as_uri(),
        './' + Path(os.path.relpath(video, Path(path).parent)).as_posix(),
    )
    content = _DOCUMENT.format(
        date=datetime.now().astimezone().isoformat(timespec='seconds'),
        media=_MEDIA.format(*map(quoteattr, links)) if video.is_file() else '',
        slots='\n'.join(
            f'<TIME_SLOT TIME_SLOT_ID="ts{place}" TIME_VALUE="{edge[0]}"/>'
            for place, edge in enumerate(edges)
        ),
        tiers='\n'.join(tiers),
        words='\n'.join(
            f'<CV_ENTRY_ML CVE_ID="cve{place}"><CVE_VALUE LANG_REF="und">{escape(name)}</CVE_VALUE>'
            '</CV_ENTRY_ML>'
            for place, name in enumerate(classes)
        ),
    )
    atomic_write(path, content)
