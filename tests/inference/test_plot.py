from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from small_timelines import CLASSES, small_timeline

from dferclip_mm.emotions import CORPUS_CLASSES, class_colors
from dferclip_mm.inference.moments import Moment
from dferclip_mm.inference.plot import draw_timeline

# The second track has two windows with a gap between.
ROWS = ((0, 0, 2, 0.9), (0, 1, 3, 0.7), (0, 2, 4, 0.2), (1, 10, 12, 0.6), (1, 14, 16, 0.8))


def test_each_track_has_curves_that_break_at_gaps_and_a_band_of_the_winning_class() -> None:
    panels = draw_timeline(small_timeline(*ROWS)).axes[1::2]
    curves = [[line for line in panel.lines if len(line.get_xdata()) > 1] for panel in panels]
    assert [len(lines) for lines in curves] == [2, 4]
    assert curves[0][0].get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert curves[0][0].get_ydata().tolist() == [0.9, 0.9, 0.7, 0.2, 0.2]
    assert [line.get_xdata().tolist() for line in curves[1][::2]] == [[10, 11, 12], [14, 15, 16]]
    colors = class_colors(CLASSES)
    bands = [
        (patch.get_x(), patch.get_width(), to_hex(patch.get_facecolor()))
        for patch in panels[0].patches
    ]
    assert bands == [(0, 2.5, colors['happiness']), (2.5, 1.5, colors['anger'])]
    assert len(panels[1].patches) == 2


def test_the_face_is_shown_with_its_strongest_moment() -> None:
    red = np.full((8, 8, 3), (250, 10, 10), np.uint8)
    picture = cv2.imencode('.jpg', red[..., ::-1])[1].tobytes()
    figure = draw_timeline(
        small_timeline(*ROWS, moments=[Moment(0, 'happiness', 0.9, 1.0, picture)])
    )
    face, panel = figure.axes[:2]
    np.testing.assert_allclose(face.images[0].get_array()[4, 4], (250, 10, 10), atol=8)
    assert face.texts[0].get_text() == 'happiness 90%\nat 0:01'
    (marker,) = [line for line in panel.lines if len(line.get_xdata()) == 1]
    assert marker.get_xydata().tolist() == [[1.0, 0.9]]
    assert 'not calibrated' in figure.get_suptitle()


def test_a_calibrated_model_is_told() -> None:
    timeline = small_timeline(*ROWS)
    timeline.info['temperature'] = 1.3
    said = draw_timeline(timeline).get_suptitle()
    assert 'are calibrated (temperature 1.3)' in said


def test_all_of_the_video_is_shown_and_where_a_face_is_not_in_view() -> None:
    panels = draw_timeline(small_timeline(*ROWS)).axes[1::2]
    # Two frames a second, the last one at 15.5.
    assert [panel.get_xlim() for panel in panels] == [(0, 15.5)] * 2
    (seen,) = panels[1].collections
    spans = [path.get_extents().intervalx.tolist() for path in seen.get_paths()]
    assert spans == [[10, 11.5], [14, 15.5]]


def test_of_a_crowd_the_twelve_longest_tracks_are_drawn() -> None:
    rows = [
        (track, start, start + 2, 0.8) for track in range(14) for start in range(1 + (track > 1))
    ]
    figure = draw_timeline(small_timeline(*rows))
    names = [axes.get_title(loc='left') for axes in figure.axes[::2]]
    assert names == [f'face {track}' for track in range(2, 14)]
    assert figure.get_suptitle().startswith('2 shorter tracks are not drawn.')


@pytest.mark.parametrize(
    ('suffix', 'begins'), [('png', b'\x89PNG'), ('svg', b'<?xml'), ('pdf', b'%PDF')]
)
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, begins: bytes) -> None:
    small_timeline(*ROWS).plot(tmp_path / f'a.{suffix}')
    assert (tmp_path / f'a.{suffix}').read_bytes().startswith(begins)


def test_no_answer_is_said_in_the_picture() -> None:
    assert draw_timeline(small_timeline()).axes[1].texts[0].get_text() == 'no face was answered'


def test_classes_have_colours_of_their_own_whatever_their_order() -> None:
    colors = [class_colors(CORPUS_CLASSES[name]) for name in ('mafw', 'ferv39k')]
    assert [len(set(each.values())) for each in colors] == [11, 7]
    assert {name: colors[0][name] for name in colors[1]} == colors[1]
