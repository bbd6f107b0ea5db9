from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_timelines import CLASSES, small_timeline

from dferclip_mm.faces.boxes import read_boxes
from dferclip_mm.inference.tables import FACE_COLUMNS, WINDOW_COLUMNS
from dferclip_mm.inference.timeline import EmotionTimeline

RESULT = small_timeline(
    (0, 0, 2, 0.9), (0, 1, 3, 0.7), (0, 2, 4, 0.2), (1, 10, 12, 0.6), (1, 14, 16, 0.8)
)


def test_segments_join_windows_with_the_same_label() -> None:
    rows = RESULT.segments.round(6).values.tolist()
    assert rows == [
        ['a.mp4', 0, 0.0, 2.5, 'happiness', 0.8],
        ['a.mp4', 0, 2.5, 4.0, 'anger', 0.8],
        # Between 12 and 14 there is no answer.
        ['a.mp4', 1, 10.0, 12.0, 'happiness', 0.6],
        ['a.mp4', 1, 14.0, 16.0, 'happiness', 0.8],
    ]


def test_segments_change_where_another_label_is_clearly_stronger_for_a_while() -> None:
    scores = [0.9, 0.9, 0.9, 0.45, 0.9, 0.47, 0.47, 0.47, 0.2, 0.2, 0.2]
    rows = [(0, n / 2, n / 2 + 2, happy) for n, happy in enumerate(scores)]
    found = small_timeline(*rows).segments
    # Neither for half a second nor at 53 to 47 %.
    expected = [[0.0, 4.75, 'happiness'], [4.75, 7.0, 'anger']]
    assert found[['start', 'end', 'label']].values.tolist() == expected
    assert found['score'].tolist() == pytest.approx([np.mean(scores[:8]), 0.8])
    # A shorter track has the label of its mean.
    assert small_timeline((0, 0, 0.8, 0.3)).segments['label'].tolist() == ['anger']


def test_json_holds_everything(tmp_path: Path) -> None:
    RESULT.to_json(tmp_path / 'a.json')
    found = json.loads((tmp_path / 'a.json').read_text(encoding='utf-8'))
    assert found['info'] == {'video': 'a.mp4', 'damage': ''}
    assert found['classes'] == ['happiness', 'anger']
    assert len(found['tracks']) == 2
    assert found['summary'] == dict(
        frames=32, frames_with_face=16, tracks=2, tracks_answered=2, seconds_answered=8.0,
        shares=pytest.approx({'happiness': 6.5 / 8, 'anger': 1.5 / 8}),
    )  # fmt: skip
    assert found['windows'][0]['happiness'] == 0.9
    assert [*found['segments'][1].values()] == ['a.mp4', 0, 2.5, 4.0, 'anger', 0.8]


def test_subtitles_have_a_cue_for_each_segment(tmp_path: Path) -> None:
    RESULT.to_srt(tmp_path / 'a.srt')
    RESULT.to_vtt(tmp_path / 'a.vtt')
    first = '1\n00:00:00,000 --> 00:00:02,500\nface 0: happiness 80%\n\n'
    second = '2\n00:00:02,500 --> 00:00:04,000\nface 0: anger 80%\n\n'
    assert (tmp_path / 'a.srt').read_text().startswith(f'{first}{second}3\n')
    cues = f'WEBVTT\n\n{first}{second}'.replace(',', '.')
    assert (tmp_path / 'a.vtt').read_text().startswith(f'{cues}3\n')
    small_timeline((0, 3599.9996, 7325.25, 0.9)).to_srt(tmp_path / 'b.srt')
    assert '01:00:00,000 --> 02:02:05,250' in (tmp_path / 'b.srt').read_text()


def test_the_table_of_faces_has_a_row_for_each_frame() -> None:
    faces = RESULT.faces
    assert list(faces) == [*FACE_COLUMNS, *CLASSES, 'Identity']
    assert faces['frame'].tolist() == list(range(32))
    # From 4 to 10 and from 12 to 14 seconds nobody is seen, and nothing is answered.
    nobody = [*np.arange(4, 10, 0.5), *np.arange(12, 14, 0.5)]
    assert faces['time'][faces['track'].isna()].tolist() == nobody
    empty, first = faces.iloc[8], faces.iloc[0]
    assert empty.drop(['input', 'frame', 'time']).isna().all()
    assert first.filter(like='FaceRect').tolist() == [1, 2, 30, 40]
    assert first[['x_0', 'y_0', 'x_4', 'y_4']].tolist() == [0, 1, 8, 9]
    assert (first['Identity'], faces['Identity'].iloc[-1]) == ('Person_0', 'Person_1')
    assert faces['interpolated'].tolist()[:4] == [False, True, True, False]


def test_scores_of_faces_lie_between_those_of_the_windows_around() -> None:
    happy = RESULT.faces.set_index('time')['happiness']
    # The windows' middles are at 1, 2 and 3 seconds.
    assert happy[[0, 1, 1.5, 2, 2.5, 3, 3.5]].tolist() == pytest.approx(
        [0.9, 0.9, 0.8, 0.7, 0.45, 0.2, 0.2]
    )
    # A gap is not bridged.
    assert happy[[11.5, 14]].tolist() == pytest.approx([0.6, 0.8])
    assert np.isnan(happy[13.0])


def test_faces_are_read_again_as_boxes_of_a_detector(tmp_path: Path) -> None:
    RESULT.to_csv(tmp_path / 'faces.csv', 'faces')
    found = read_boxes(tmp_path / 'faces.csv')
    assert sorted(found) == [*range(8), *range(20, 24), *range(28, 32)]
    np.testing.assert_allclose(found[20].boxes, [[1, 2, 31, 42]])
    np.testing.assert_allclose(found[20].landmarks[0], np.arange(10).reshape(5, 2))


def test_each_track_is_summarised() -> None:
    first, second = RESULT.tracks.to_dict('records')
    assert first == pytest.approx(
        dict(
            video='a.mp4', track=0, start=0.0, end=3.5, frames=8, gaps=0, height=40.0, windows=3,
            label='happiness', peak_label='happiness', peak_score=0.9, peak=1.0,
            happiness=0.625, anger=0.375,
        )
    )  # fmt: skip
    assert (second['frames'], second['gaps'], second['peak']) == (8, 1, 15.0)
    assert (second['happiness'], second['anger']) == (1.0, 0.0)


def test_a_track_without_an_answer_is_listed() -> None:
    result = EmotionTimeline(
        windows=RESULT.windows[:3], faces=RESULT.faces, classes=CLASSES, info={}
    )
    second = result.tracks.iloc[1]
    assert (second['track'], second['frames'], second['windows']) == (1, 8, 0)
    assert second[['label', 'peak', 'happiness']].isna().all()
    assert (result.summary['tracks'], result.summary['tracks_answered']) == (2, 1)


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    RESULT.save(tmp_path / 'out')
    tables = ['faces.csv', 'segments.csv', 'tracks.csv', 'windows.csv']
    names = [f'timeline.{each}' for each in ('eaf', 'html', 'json', 'png', 'srt', 'vtt')]
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {*tables, *names}
    for name in tables:
        found = pd.read_csv(tmp_path / 'out' / name)
        assert list(found) == list(getattr(RESULT, name[:-4]))
    assert list(RESULT.windows) == [*WINDOW_COLUMNS, *CLASSES]
    found = pd.read_csv(tmp_path / 'out' / 'windows.csv')
    pd.testing.assert_frame_equal(found, RESULT.windows, check_dtype=False, atol=1e-6)


def test_unsure_segments_are_left_out_where_a_timeline_abstains() -> None:
    rows = [(0, start, start + 2.0, happy) for start, happy in ((0, 0.9), (2, 0.35), (4, 0.95))]
    timeline = small_timeline(*rows, (1, 0.0, 2.0, 0.6))
    timeline.info['abstain'] = 0.7
    assert timeline.segments['label'].tolist() == ['happiness', 'happiness']
    assert timeline.segments['start'].tolist() == [0, 4]
    assert timeline.tracks['label'].tolist()[0] == 'happiness'
    assert timeline.tracks['label'].isna().tolist() == [False, True]
    assert len(timeline.windows) == 4
    assert timeline.summary['seconds_answered'] == 4
