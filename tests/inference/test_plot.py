from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex
from small_timelines import CLASSES, small_timeline

from dferclip_mm.emotions import CORPUS_CLASSES, class_colors
from dferclip_mm.inference.moments import Moment, as_jpeg
from dferclip_mm.inference.plot import draw_timeline, format_time

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
    picture = as_jpeg(np.full((8, 8, 3), (250, 10, 10), np.uint8))
    moments = [Moment(0, 'happiness', 0.9, 1.0, picture)]
    figure = draw_timeline(small_timeline(*ROWS, moments=moments))
    face, panel = figure.axes[:2]
    np.testing.assert_allclose(face.images[0].get_array()[4, 4], (250, 10, 10), atol=8)
    assert face.texts[0].get_text() == 'happiness 90%\nat 0:01'
    (marker,) = [line for line in panel.lines if len(line.get_xdata()) == 1]
    assert marker.get_xydata().tolist() == [[1.0, 0.9]]
    assert 'not calibrated' in figure.get_suptitle()


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


def test_no_answer_is_said_in_the_picture() -> None:
    assert draw_timeline(small_timeline()).axes[1].texts[0].get_text() == 'no face was answered'


def test_classes_have_colours_of_their_own_whatever_their_order() -> None:
    colors = [class_colors(CORPUS_CLASSES[name]) for name in ('mafw', 'ferv39k')]
    assert [len(set(each.values())) for each in colors] == [11, 7]
    assert {name: colors[0][name] for name in colors[1]} == colors[1]


def test_times_are_written_as_people_read_them() -> None:
    found = [format_time(each) for each in (0, 5.25, 59.96, 725, 7325.3)]
    assert found == ['0:00', '0:05.2', '1:00', '12:05', '2:02:05.3']
