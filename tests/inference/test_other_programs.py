from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from drawn_videos import write
from small_timelines import small_timeline

from dferclip_mm.media.timed_frames import read_timed_frames

# Both faces are seen at once; the second one is hidden for a while.
RESULT = small_timeline(
    (0, 0, 2, 0.9), (0, 1, 3, 0.2), (0, 2, 4, 0.2), (1, 1, 3, 0.6), (1, 14, 16, 0.8)
)


def test_each_face_is_a_tier_and_each_segment_an_annotation(tmp_path: Path) -> None:
    video = tmp_path / 'a "film" & more.mp4'
    video.write_bytes(b'')
    # Class names are text.
    odd = 'a<b> & "c"'
    table = RESULT.windows.rename(columns={'anger': odd})
    result = replace(RESULT, windows=table, classes=('happiness', odd), info={'video': str(video)})
    result.to_elan(tmp_path / 'out' / 'a.eaf')
    root = ElementTree.parse(tmp_path / 'out' / 'a.eaf').getroot()
    # In the order of ELAN's schema.
    assert [*dict.fromkeys(node.tag for node in root)] == [
        'HEADER', 'TIME_ORDER', 'TIER', 'LINGUISTIC_TYPE', 'LANGUAGE', 'CONTROLLED_VOCABULARY'
    ]  # fmt: skip
    media = root.find('HEADER/MEDIA_DESCRIPTOR')
    assert media.get('MEDIA_URL') == video.as_uri()
    assert media.get('RELATIVE_MEDIA_URL') == './../a "film" & more.mp4'
    slots = root.find('TIME_ORDER')
    times = {slot.get('TIME_SLOT_ID'): int(slot.get('TIME_VALUE')) for slot in slots}
    assert [*times.values()] == sorted(times.values())
    words = {entry.get('CVE_ID'): entry.findtext('CVE_VALUE') for entry in root.iter('CV_ENTRY_ML')}
    found = []
    for tier in root.iter('TIER'):
        for each in tier.iter('ALIGNABLE_ANNOTATION'):
            said = each.findtext('ANNOTATION_VALUE')
            assert words[each.get('CVE_REF')] == said
            span = [times[each.get(f'TIME_SLOT_REF{end}')] for end in (1, 2)]
            found.append((tier.get('TIER_ID'), *span, said))
    assert found == [
        ('face 0', 0, 1500, 'happiness'),
        ('face 0', 1500, 4000, odd),
        ('face 1', 1000, 3000, 'happiness'),
        ('face 1', 14000, 16000, 'happiness'),
    ]
    identifiers = {each.get('ANNOTATION_ID') for each in root.iter('ALIGNABLE_ANNOTATION')}
    assert len(identifiers) == 4


@pytest.fixture
def info(tmp_path: Path) -> dict:
    video = write(tmp_path / 'a.mp4', size=(180, 320))
    rest = dict(size=(320, 180), frames=32, detector='mtcnn', checkpoint='m.pth')
    return dict(rest, video=str(video))


def test_the_folder_is_that_of_a_recording_in_py_feat_live(tmp_path: Path, info: dict) -> None:
    replace(RESULT, info=info).save(tmp_path / 'out', ['fex'])
    folder = tmp_path / 'out' / 'fex'
    assert (folder / 'video.mp4').read_bytes() == Path(info['video']).read_bytes()
    faces = pd.read_csv(folder / 'fex.csv')
    # Frame and number in the frame are the viewer's key, and it finds boxes in pixels.
    assert faces[['frame', 'face_idx']].values.tolist()[1:5] == [[1, 0], [2, 0], [2, 1], [3, 0]]
    assert not faces.duplicated(['frame', 'face_idx']).any()
    assert not faces['FaceRectX'].isna().any()
    assert {'anger', 'happiness', 'Identity', 'FaceScore'} <= {*faces}
    content = json.loads((folder / 'metadata.json').read_text())
    expected = dict(frames_written=32, width=320, height=180, fps=2.0, duration_seconds=15.5)
    assert {name: content[name] for name in expected} == expected
    assert content['detector']['emotion_model'] == 'm.pth'


def test_of_a_part_the_folder_holds_only_that(tmp_path: Path, info: dict) -> None:
    faces = RESULT.faces[RESULT.faces['time'].between(1, 3)]
    part = replace(RESULT, faces=faces, info=info | dict(start=1.0, end=3.0))
    part.to_pyfeat(tmp_path / 'fex')
    found = pd.read_csv(tmp_path / 'fex' / 'fex.csv')
    assert found['frame'].min() == found['time'].min() == 0
    assert json.loads((tmp_path / 'fex/metadata.json').read_text())['duration_seconds'] == 2
    written = [*read_timed_frames(str(tmp_path / 'fex' / 'video.mp4'))]
    assert len(written) == faces['frame'].nunique() == 5
