from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from dferclip_mm.inference.timeline import WINDOW_COLUMNS, EmotionTimeline

CLASSES = ('happiness', 'anger')


def timeline(*rows: tuple[int, float, float, float]) -> EmotionTimeline:
    """Windows as track, start, end and score of happiness."""
    table = pd.DataFrame(
        [
            dict(
                video='a.mp4', track=track, start=start, end=end, frame_start=round(25 * start),
                frame_end=round(25 * end) - 1, x=1.0, y=2.0, w=30.0, h=40.0, face_score=0.99,
                coverage=1.0, label='happiness' if happy > 0.5 else 'anger',
                score=max(happy, 1 - happy), happiness=happy, anger=1 - happy,
            )
            for track, start, end, happy in rows
        ],
        columns=[*WINDOW_COLUMNS, *CLASSES],
    )  # fmt: skip
    return EmotionTimeline(windows=table, classes=CLASSES, info={'video': 'a.mp4', 'damage': ''})


RESULT = timeline(
    (0, 0, 2, 0.9), (0, 1, 3, 0.7), (0, 2, 4, 0.2), (1, 10, 12, 0.6), (1, 14, 16, 0.8)
)


def test_segments_join_windows_with_the_same_label() -> None:
    rows = RESULT.segments().round(6).values.tolist()
    assert rows == [
        ['a.mp4', 0, 0.0, 2.5, 'happiness', 0.8],
        ['a.mp4', 0, 2.5, 4.0, 'anger', 0.8],
        # Between 12 and 14 there is no answer.
        ['a.mp4', 1, 10.0, 12.0, 'happiness', 0.6],
        ['a.mp4', 1, 14.0, 16.0, 'happiness', 0.8],
    ]


def test_the_table_is_read_again_from_csv(tmp_path: Path) -> None:
    RESULT.to_csv(tmp_path / 'out' / 'a.csv')
    found = pd.read_csv(tmp_path / 'out' / 'a.csv')
    assert list(found) == [*WINDOW_COLUMNS, *CLASSES]
    pd.testing.assert_frame_equal(found, RESULT.windows, check_dtype=False, atol=1e-6)


def test_json_holds_everything(tmp_path: Path) -> None:
    RESULT.to_json(tmp_path / 'a.json')
    found = json.loads((tmp_path / 'a.json').read_text(encoding='utf-8'))
    assert found['info'] == {'video': 'a.mp4', 'damage': ''}
    assert found['classes'] == ['happiness', 'anger']
    assert found['windows'][0]['happiness'] == 0.9
    assert found['segments'][1] == dict(
        video='a.mp4', track=0, start=2.5, end=4.0, label='anger', score=0.8
    )


def test_subtitles_have_a_cue_for_each_segment(tmp_path: Path) -> None:
    RESULT.to_srt(tmp_path / 'a.srt')
    RESULT.to_vtt(tmp_path / 'a.vtt')
    assert (
        (tmp_path / 'a.srt')
        .read_text()
        .startswith(
            '1\n00:00:00,000 --> 00:00:02,500\nface 0: happiness 80%\n\n'
            '2\n00:00:02,500 --> 00:00:04,000\nface 0: anger 80%\n\n3\n'
        )
    )
    assert (
        (tmp_path / 'a.vtt')
        .read_text()
        .startswith(
            'WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nface 0: happiness 80%\n\n00:00:02.500'
        )
    )


def test_times_of_hours_are_written_whole(tmp_path: Path) -> None:
    timeline((0, 3599.9996, 7325.25, 0.9)).to_srt(tmp_path / 'a.srt')
    assert '01:00:00,000 --> 02:02:05,250' in (tmp_path / 'a.srt').read_text()


@pytest.mark.parametrize('name', ['csv', 'json', 'srt', 'vtt'])
def test_a_video_without_faces_gives_files_without_rows(tmp_path: Path, name: str) -> None:
    getattr(timeline(), f'to_{name}')(tmp_path / 'a')
    text = (tmp_path / 'a').read_text()
    assert 'happiness 80%' not in text
    assert len(text.splitlines()) <= 12
