from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from drawn_videos import write
from small_timelines import small_timeline

from dferclip_mm.media.timed_frames import read_timed_frames

RESULT = small_timeline((0, 0, 2, 0.9), (1, 1, 3, 0.2), (1, 14, 16, 0.8))


def test_the_folder_is_that_of_a_recording_in_py_feat_live(tmp_path: Path) -> None:
    video = write(tmp_path / 'a.mp4', size=(180, 320))
    info = dict(video=str(video), size=(320, 180), frames=32, detector='mtcnn', checkpoint='m.pth')
    replace(RESULT, info=info).save(tmp_path / 'out', ['fex'])
    folder = tmp_path / 'out' / 'fex'
    assert (folder / 'video.mp4').read_bytes() == video.read_bytes()
    faces = pd.read_csv(folder / 'fex.csv')
    # Frame and number in the frame are the viewer's key, and it finds boxes in pixels.
    assert faces[['frame', 'face_idx']].values.tolist()[1:5] == [[1, 0], [2, 0], [2, 1], [3, 0]]
    assert not faces.duplicated(['frame', 'face_idx']).any()
    assert not faces['FaceRectX'].isna().any()
    assert {'anger', 'happiness', 'Identity', 'FaceScore'} <= {*faces}
    content = json.loads((folder / 'metadata.json').read_text())
    assert {name: content[name] for name in ('frames_written', 'width', 'height', 'fps')} == dict(
        frames_written=32, width=320, height=180, fps=2.0
    )
    assert content['duration_seconds'] == 15.5
    assert content['detector']['emotion_model'] == 'm.pth'


def test_of_a_part_the_folder_holds_only_that(tmp_path: Path) -> None:
    video = write(tmp_path / 'a.mp4', size=(180, 320))
    faces = RESULT.faces[RESULT.faces['time'].between(1, 3)]
    info = dict(video=str(video), size=(320, 180), frames=5, detector='mtcnn', checkpoint='m.pth')
    part = replace(RESULT, faces=faces, info=info | dict(start=1.0, end=3.0))
    part.to_pyfeat(tmp_path / 'fex')
    found = pd.read_csv(tmp_path / 'fex' / 'fex.csv')
    assert found['frame'].min() == found['time'].min() == 0
    assert json.loads((tmp_path / 'fex/metadata.json').read_text())['duration_seconds'] == 2
    written = [*read_timed_frames(str(tmp_path / 'fex' / 'video.mp4'))]
    whole = len([*read_timed_frames(str(video))])
    assert len(written) == faces['frame'].nunique() < whole


def test_an_array_has_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='found one of an array'):
        replace(RESULT, info={'video': 'an array'}).to_pyfeat(tmp_path / 'out')
