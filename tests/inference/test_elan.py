from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from small_timelines import small_timeline

# Both faces are seen at once; the second one is hidden for a while.
RESULT = small_timeline(
    (0, 0, 2, 0.9), (0, 1, 3, 0.2), (0, 2, 4, 0.2), (1, 1, 3, 0.6), (1, 14, 16, 0.8)
)


def test_each_face_is_a_tier_and_each_segment_an_annotation(tmp_path: Path) -> None:
    video = tmp_path / 'a "film" & more.mp4'
    video.write_bytes(b'')
    result = replace(RESULT, info={'video': str(video)})
    result.to_elan(tmp_path / 'out' / 'a.eaf')
    root = ElementTree.parse(tmp_path / 'out' / 'a.eaf').getroot()
    # In the order of ELAN's schema.
    assert [*dict.fromkeys(node.tag for node in root)] == [
        'HEADER', 'TIME_ORDER', 'TIER', 'LINGUISTIC_TYPE', 'LANGUAGE', 'CONTROLLED_VOCABULARY'
    ]  # fmt: skip
    media = root.find('HEADER/MEDIA_DESCRIPTOR')
    assert media.get('MEDIA_URL') == video.as_uri()
    assert media.get('RELATIVE_MEDIA_URL') == './../a "film" & more.mp4'
    times = {
        slot.get('TIME_SLOT_ID'): int(slot.get('TIME_VALUE')) for slot in root.find('TIME_ORDER')
    }
    assert [*times.values()] == sorted(times.values())
    found = {
        tier.get('TIER_ID'): [
            (
                times[each.get('TIME_SLOT_REF1')],
                times[each.get('TIME_SLOT_REF2')],
                each.findtext('ANNOTATION_VALUE'),
            )
            for each in tier.iter('ALIGNABLE_ANNOTATION')
        ]
        for tier in root.iter('TIER')
    }
    assert found == {
        'face 0': [(0, 1500, 'happiness'), (1500, 4000, 'anger')],
        'face 1': [(1000, 3000, 'happiness'), (14000, 16000, 'happiness')],
    }
    words = {entry.get('CVE_ID'): entry.findtext('CVE_VALUE') for entry in root.iter('CV_ENTRY_ML')}
    assert {
        words[each.get('CVE_REF')] == each.findtext('ANNOTATION_VALUE')
        for each in root.iter('ALIGNABLE_ANNOTATION')
    } == {True}
    identifiers = [each.get('ANNOTATION_ID') for each in root.iter('ALIGNABLE_ANNOTATION')]
    assert len({*identifiers}) == 4


def test_class_names_are_text(tmp_path: Path) -> None:
    table = RESULT.windows.rename(columns={'anger': 'a<b> & "c"'})
    result = replace(RESULT, windows=table, classes=('happiness', 'a<b> & "c"'))
    result.to_elan(tmp_path / 'a.eaf')
    root = ElementTree.parse(tmp_path / 'a.eaf').getroot()
    assert root.find('HEADER/MEDIA_DESCRIPTOR') is None
    said = [each.text for each in root.iter('ANNOTATION_VALUE')]
    assert said == ['happiness', 'a<b> & "c"', 'happiness', 'happiness']
