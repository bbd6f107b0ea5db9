from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from analyzed_clips import clip, person, recognise, write_people
from drawn_faces.film import Film, Shot, write_film
from drawn_videos import cut
from mmengine.config import Config
from untrained_demo import CONFIG, SIZE, whole_frame

from dferclip_mm.emotions import CORPUS_CLASSES
from dferclip_mm.inference import EmotionAnalyzer
from dferclip_mm.inference.tables import WINDOW_COLUMNS
from dferclip_mm.media.timed_frames import TimedFrame, read_timed_frames

Build = Callable[..., EmotionAnalyzer]


@pytest.fixture(scope='module')
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three seconds of two people with a variable frame rate, then one second of nobody."""
    times = np.cumsum([0.0, *[0.04, 0.08, 0.06] * 22]).round(3)
    shots = (Shot(start=0.0, roles=[person(0, 0.45), person(1, 1.3)]), Shot(start=3.0))
    path = tmp_path_factory.mktemp('video') / 'film.mp4'
    write_film(path, Film(shots=shots, times=times[times < 4].tolist(), width=320, height=180))
    return str(path)


def test_scores_of_crops_are_those_of_the_recognizer(build: Build) -> None:
    frames = clip(4)
    analyzer = build()
    result = analyzer(frames, frame_rate=4)
    assert len(result.windows) == 1
    found = result.windows[list(analyzer.classes)].to_numpy()[0]
    expected = recognise(analyzer, Config.fromfile(CONFIG), frames)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_tables_say_when_and_where_each_face_was(build: Build, video: str) -> None:
    result = build(detector='mtcnn')(video)
    table, faces, classes = result.windows, result.faces, [*CORPUS_CLASSES['dfew']]
    assert list(table) == [*WINDOW_COLUMNS, *classes]
    assert table['track'].unique().tolist() == result.tracks['track'].tolist() == [0, 1]
    for track, rows in table.groupby('track'):
        np.testing.assert_allclose(rows['start'].iloc[:4], [0, 0.5, 1, 1.5], atol=1e-6)
        np.testing.assert_allclose(rows['end'] - rows['start'], 1.0, atol=1e-6)
        # The shot ends at 3 seconds; nothing is answered where nobody is.
        assert 2.8 < rows['end'].max() < 3.3
        first = rows.iloc[0]
        seen = faces[(faces['track'] == track) & (faces['time'] < 1 - 1e-6)]
        assert (first['frame_start'], first['frame_end']) == (0, seen['frame'].max())
        assert first['x'] == pytest.approx(seen['FaceRectX'].median())
    middles = (table['x'] + table['w'] / 2).groupby(table['track']).mean().sort_values()
    np.testing.assert_allclose(middles, [81, 234], atol=6)
    assert (table['h'] / 90).between(0.7, 1.4).all()
    assert (table['coverage'] > 0.7).all()
    assert table['label'].tolist() == table[classes].idxmax(axis=1).tolist()
    assert (result.info['frames'], result.info['damage']) == (67, '')
    # Every frame is in the table of faces.
    times = [frame.time for frame in read_timed_frames(video)]
    np.testing.assert_allclose(faces.groupby('frame')['time'].first(), times, atol=1e-6)
    nobody, seen = faces[faces['track'].isna()], faces[faces['track'] == 0]
    span = [nobody['time'].min(), nobody['time'].max()]
    np.testing.assert_allclose(span, [3.02, 3.98], atol=0.05)
    assert nobody[['FaceRectX', 'FaceScore', 'fear']].isna().all(axis=None)
    assert seen['interpolated'].mean() == pytest.approx(2 / 3, abs=0.05)
    assert (seen['x_0'] < seen['x_1']).all()
    np.testing.assert_allclose(seen[classes].sum(axis=1), 1, atol=1e-5)
    strongest = max(result.moments, key=lambda moment: moment.score)
    track = result.tracks.iloc[strongest.track]
    assert (track['peak_score'], track['peak']) == (strongest.score, strongest.time)
    picture = cv2.imdecode(np.frombuffer(strongest.picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (SIZE, SIZE, 3)


def test_faces_that_are_small_or_too_many_are_left_out_and_counted(build: Build) -> None:
    boxes = [(100 * n, 0, 100 * n + 40, height) for n, height in enumerate((30, 90, 60, 20, 70))]
    crowd = (boxes, np.full((5, 5, 2), np.nan), np.ones(5))
    frames = np.zeros((20, 100, 500, 3), np.uint8)
    result = build(detector=lambda image: crowd, max_faces=3, min_face=25)(frames)
    assert result.tracks['track'].tolist() == [1, 2, 4]
    assert result.tracks['height'].round().tolist() == [90, 60, 70]
    assert (result.info['small'], result.info['crowded']) == (20, 20)
    everybody = build(detector=lambda image: crowd, max_faces=None, min_face=0)(frames)
    assert len(everybody.tracks) == 5
    assert (everybody.info['small'], everybody.info['crowded']) == (0, 0)


def test_of_a_crowd_of_equal_faces_the_same_ones_are_answered_in_all_frames(build: Build) -> None:
    rng = np.random.default_rng(0)

    def crowd(image: np.ndarray) -> tuple:
        boxes = [(100 * n, 0, 100 * n + 40, 60 + rng.uniform(0, 4)) for n in range(4)]
        # Who is much higher takes a place.
        boxes += [(400, 0, 460, 100)] * int(image[0, 0, 0])
        return boxes, np.full((len(boxes), 5, 2), np.nan), np.ones(len(boxes))

    frames = np.zeros((60, 120, 500, 3), np.uint8)
    frames[40:] = 1
    shown = build(detector=crowd, max_faces=2, every=1)(frames).faces.groupby('frame')['track']
    found = [{*tracks} for _, tracks in shown]
    assert found[:40] == [found[0]] * 40
    assert found[45:] == [found[45]] * 15
    assert 4 in found[45]
    assert len(found[0] & found[45]) == 1


def test_whole_frames_are_the_faces_of_videos_that_are_crops(build: Build) -> None:
    frames = clip(30)
    settings = {'crop': 'none', 'detector': 'mtcnn'}
    found = build(**settings)(frames)
    expected = build()(frames)
    pd.testing.assert_frame_equal(found.windows, expected.windows, atol=1e-6)
    assert found.faces[['x_0', 'y_4']].isna().all(axis=None)
    # Frames of another size are a cut.
    analyzer = build(**settings)
    images = enumerate([*frames, *frames[:, :90, :80]])
    both = (TimedFrame(number, number / 25, image) for number, image in images)
    assert {row['track'] for row in analyzer.stream(both)} == {0, 1}
    with pytest.raises(ValueError, match='expected no detector'):
        build(crop='none', detector=whole_frame)


def test_the_progress_may_end_an_analysis_early(build: Build) -> None:
    result = build()(clip(100), progress=lambda frames: islice(frames, 50))
    assert result.info['frames'] == len(result.faces) == 50
    with pytest.raises(ValueError, match='found one of an array'):
        result.to_video('a.mp4')
    assert result.windows['end'].max() == pytest.approx(49 / 25)


def test_each_sampled_face_is_encoded_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer, seen = build(stride=0.25), []
    forward = analyzer.model.backbone.forward
    monkeypatch.setattr(
        analyzer.model.backbone, 'forward', lambda x: (seen.append(len(x)), forward(x))[1]
    )
    result = analyzer(clip(80), frame_rate=25)
    # 3.2 seconds, four frames per window of one second; ten windows share them.
    assert sum(seen) == result.info['faces'] == 13
    assert len(result.windows) == 10


def test_a_video_and_its_frames_have_the_same_timeline(build: Build, video: str) -> None:
    analyzer = build()
    by_file = analyzer(video, end=1.5).windows
    frames = [frame for frame in read_timed_frames(video) if frame.time < 1.5]
    rows = list(analyzer.stream(frames, video))
    assert by_file.to_dict('records') == sorted(rows, key=lambda row: (row['track'], row['start']))


def test_a_list_a_folder_and_a_camera_are_answered(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, video: str
) -> None:
    analyzer, frames = build(), clip(30)
    expected = analyzer(frames).windows
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f'{number:03}.png'), frame[..., ::-1])
    for found in (analyzer(tmp_path), analyzer([frames])[0]):
        pd.testing.assert_frame_equal(found.windows, expected.assign(video=found.info['video']))
    for several in (analyzer(Path(video).parent, end=1.5), analyzer([video], end=1.5)):
        assert [each.info['video'] for each in several] == [video]
    shown = (TimedFrame(n, n / 25, image) for n, image in enumerate(frames))
    monkeypatch.setattr('dferclip_mm.media.sources.read_camera', lambda camera, clock: shown)
    camera = analyzer(0, end=1.1)
    assert camera.info['video'] == 'camera 0'
    assert camera.info['frames'] == 28


def test_a_part_is_analysed_at_its_own_times(build: Build) -> None:
    table = build()(clip(100), frame_rate=25, start=1.0, end=2.6).windows
    assert table['start'].tolist() == pytest.approx([1.0, 1.5])
    assert table['end'].tolist() == pytest.approx([2.0, 2.5])
    assert table['frame_start'].min() >= 25


def test_a_damaged_video_is_analysed_up_to_the_damage(build: Build, tmp_path: Path) -> None:
    broken = tmp_path / 'broken.mkv'
    write_people(broken, person(0), seconds=4)
    cut(broken, 0.5)
    result = build()(str(broken))
    assert 10 < result.info['frames'] < 45
    assert result.info['damage'].startswith('its header declares 4.0 seconds, and it holds ')
    assert len(result.windows) > 0
    result.to_video(tmp_path / 'drawn.mp4')
    assert len([*read_timed_frames(str(tmp_path / 'drawn.mp4'))]) == result.info['frames']


@pytest.mark.parametrize('name', ['stride', 'window', 'every'])
def test_numbers_that_lead_nowhere_are_refused(build: Build, name: str) -> None:
    with pytest.raises(ValueError, match=f'{name}: expected more than 0, found 0'):
        build(**{name: 0})
