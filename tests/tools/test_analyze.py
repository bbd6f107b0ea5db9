"""The program on drawn films, with what users of other tools complain of, and on no good videos."""

from __future__ import annotations

import json
import os
import runpy
import signal
import time
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest
from analyzed_clips import person, write_people
from drawn_faces.film import Role
from untrained_demo import CONFIG, write_untrained_demo

from dferclip_mm.faces.detectors import MTCNN
from dferclip_mm.media import timed_frames
from dferclip_mm.media.timed_frames import TimedFrame, read_timed_frames

RunTool = Callable[..., None]


@pytest.fixture
def analyze(work_dir: Path, run_tool: RunTool) -> RunTool:
    """Run the program on one.mp4, with a face, two.mp4 or empty.mp4, without."""
    write_people('one.mp4', person(0))
    write_people('two.mp4', person(0), person(1, 1.3, 0.3))
    write_people('empty.mp4')
    checkpoint = write_untrained_demo(work_dir)

    def run(*words: object, formats: str = 'csv') -> None:
        model = ('--model', CONFIG, checkpoint, '--window', '1', '--device', 'cpu')
        written = () if '--camera' in words or not formats else ('--formats', formats)
        run_tool('analyze', *words, *model, *written, '--out', 'out')

    return run


def test_each_video_gets_a_folder_with_its_timeline(
    analyze: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze('one.mp4', 'empty.mp4', formats='')
    printed = capsys.readouterr().out
    assert 'one.mp4: faces followed: 1, windows: 3, 1.9 s: out/one' in printed
    assert 'empty.mp4: faces followed: 0, windows: 0, 1.9 s: out/empty' in printed
    names = [f'{table}.csv' for table in ('faces', 'segments', 'tracks', 'windows')]
    names += [f'timeline.{suffix}' for suffix in ('eaf', 'html', 'json', 'png', 'srt', 'vtt')]
    for name in ('one', 'empty'):
        assert sorted(path.name for path in Path('out', name).iterdir()) == sorted(names)
    table = pd.read_csv('out/one/windows.csv')
    assert table['start'].tolist() == pytest.approx([0, 0.5, 0.917], abs=1e-3)
    content = json.loads(Path('out/one/timeline.json').read_text())
    assert content['info']['window'] == 1.0
    assert [row['label'] for row in content['windows']] == table['label'].tolist()


def test_the_page_explains_where_that_is_asked_for(analyze: RunTool) -> None:
    analyze('one.mp4', '--explain', formats='html')
    assert '"frames": [[' in Path('out/one/timeline.html').read_text()


@pytest.mark.parametrize(('seconds', 'said'), [(0, 'one.webm: 2 s'), (4, 'one.webm:  50%')])
def test_the_progress_shows_a_percentage_where_the_length_is_known(
    seconds: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(timed_frames, 'read_duration', lambda video: seconds)
    program = runpy.run_path(str(Path(__file__).parents[2] / 'tools/analyze.py'))
    frames = [TimedFrame(0, 2.0, np.zeros((8, 8, 3), np.uint8))]
    assert [*program['show_progress'](frames, 'one.webm', 0.0, float('inf'))] == frames
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('empty.mp4',), 'no face was found, so there is no answer'),
        (('one.mp4', '--end', '0.1'), 'no face was in view for long enough, so there is no answer'),
    ],
)
def test_no_answer_is_told_by_the_exit_code(
    analyze: RunTool, capsys: pytest.CaptureFixture[str], words: tuple, said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        analyze(*words)
    assert end.value.code == 3
    assert said in capsys.readouterr().out
    assert len([*Path('out', Path(words[0]).stem).iterdir()]) == 4


def write_without_frames() -> None:
    """Only sound, and a stream that holds nothing."""
    with av.open('sound.mp4', 'w') as file:
        stream = file.add_stream('aac', rate=8000)
        silence = np.zeros((1, 1024), np.float32)
        block = av.AudioFrame.from_ndarray(silence, format='fltp', layout='mono')
        block.rate = 8000
        file.mux([*stream.encode(block), *stream.encode()])
    with av.open('none.mp4', 'w', options={'movflags': 'empty_moov+frag_keyframe'}) as file:
        stream = file.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        file.start_encoding()


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['sound.mp4'], 'sound.mp4: expected a video, found a file without a video stream'),
        (['none.mp4'], 'none.mp4: expected a video, found one without frames'),
        (['missing.mp4'], 'error: missing.mp4: No such file or directory\n'),
        (['nothing'], 'error: nothing: expected frames, found none'),
        (['one.mp4', '--start', '9'], 'one.mp4: expected frames after 9 seconds, found none'),
        (['model.pth'], 'model.pth: expected a video container'),
        (['one.jpg'], 'one.jpg: expected a video, found a picture'),
        (['one.mp4', 'sub/one.mp4'], 'two videos are named one, and each gets a folder'),
        (
            ['one.mp4', '--crop', 'none', '--detector', 'a.onnx'],
            "crop='none': expected no detector",
        ),
        (['one.mp4', '--crop', 'other.json'], 'other.json'),
        (['one.mp4', '--detector', 'faces.csv'], 'faces.csv'),
        (['one.mp4', '--detector', 'a.onnx'], "detector='a.onnx': there is no such file"),
    ],
)
def test_wrong_input_ends_in_one_sentence_and_writes_nothing(
    analyze: RunTool, words: list[str], said: str
) -> None:
    Path('nothing').mkdir()
    write_without_frames()
    with pytest.raises(SystemExit) as end:
        analyze(*words)
    assert said in str(end.value)
    # The other line says how to see the traceback.
    assert len(str(end.value).splitlines()) == 2
    assert not Path('out').exists()


def test_formats_that_cannot_be_written_are_refused_at_the_start(analyze: RunTool) -> None:
    Path('nothing').mkdir()
    with pytest.raises(SystemExit, match=r'expected csv, json, .*, mp4, fex, found pdf'):
        analyze('one.mp4', formats='csv,pdf')
    with pytest.raises(SystemExit, match='mp4 needs a video, found the folder nothing'):
        analyze('one.mp4', 'nothing', formats='mp4')
    assert not Path('out').exists()


def test_the_largest_faces_and_whole_frames_are_options(
    analyze: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze('two.mp4', '--faces', 'largest')
    printed = capsys.readouterr().out
    assert 'two.mp4: faces followed: 1' in printed
    assert '24 faces, counted in all frames, were left out, because at most 1 of a frame' in printed
    analyze('two.mp4', '--min-face', '60')
    printed = capsys.readouterr().out
    assert 'two.mp4: faces followed: 1' in printed
    assert 'they are less than 60 pixels high (--min-face).' in printed
    analyze('empty.mp4', '--crop', 'none', formats='csv,mp4')
    printed = capsys.readouterr()
    assert 'empty.mp4: faces followed: 1, windows: 3' in printed.out
    assert 'drawing empty.mp4: ' in printed.err
    assert {path.suffix for path in Path('out/empty').iterdir()} == {'.csv', '.mp4'}


def test_a_video_that_cannot_be_read_does_not_stop_the_next_one(
    analyze: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r'1 of 2 videos: model\.pth: expected a video container'):
        analyze('model.pth', 'one.mp4')
    assert 'error: model.pth: expected a video container' in capsys.readouterr().err
    assert [path.name for path in Path('out').iterdir()] == ['one']


def test_the_first_interrupt_leaves_what_was_done(
    analyze: RunTool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = MTCNN.__call__

    def interrupted(self: MTCNN, image: np.ndarray) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return detect(self, image)

    monkeypatch.setattr(MTCNN, '__call__', lambda self, image: next(calls)(self, image))
    calls = chain(repeat(detect, 5), [interrupted], repeat(detect))
    with pytest.raises(SystemExit) as end:
        analyze('one.mp4', 'empty.mp4', formats='csv,json')
    assert end.value.code == 130
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == 'interrupted in video 1 of 2: what was read of it, up to 1.2 s, is written'
    assert [path.name for path in Path('out').iterdir()] == ['one']
    content = json.loads(Path('out/one/timeline.json').read_text())
    assert content['info']['interrupted'] is True
    assert content['summary']['frames'] == len(pd.read_csv('out/one/faces.csv')) == 16
    assert len(content['windows']) == 2


def test_a_camera_is_answered_while_it_runs_and_its_latency_is_stated(
    analyze: RunTool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [frame.image[..., ::-1] for frame in read_timed_frames('one.mp4')]
    shown = iter([(True, picture) for picture in 3 * pictures[:20]])

    def read() -> tuple:
        time.sleep(1 / 12)
        return next(shown, (False, None))

    camera = SimpleNamespace(isOpened=lambda: True, read=read, release=lambda: None)
    monkeypatch.setattr('cv2.VideoCapture', lambda number: camera)
    analyze('--camera', '0', '--every', '1')
    printed = capsys.readouterr().out.strip().splitlines()
    table = pd.read_csv('out/camera.csv')
    assert {*table['video']} == {'camera 0'}
    assert len(table) == len(printed) - 1 >= 2
    assert table['end'].is_monotonic_increasing
    # It waits for the faces around the last one, which are smoothed; the end has none to wait for.
    assert (table['latency'][:-1] > 0.1).all()
    row = table.iloc[0]
    said = f'face {row["track"]}: {row["label"]} {row["score"]:.0%}  ({row["latency"]:.2f} s later)'
    assert printed[0].endswith(said)
    assert f'windows: {len(table)}, answered {table["latency"].mean():.2f} s after' in printed[-1]


@pytest.mark.parametrize(
    'words',
    [
        (),
        ('one.mp4', '--camera', '0'),
        ('--camera', '0', '--formats', 'json'),
        ('one.mp4', '--explain'),
    ],
)
def test_options_that_exclude_each_other_are_refused(analyze: RunTool, words: tuple) -> None:
    with pytest.raises(SystemExit) as end:
        analyze(*words)
    assert end.value.code == 2


def test_no_label_stays_when_the_face_has_gone(analyze: RunTool) -> None:
    """The person leaves from 1.5 seconds on, and is back from 4.5 seconds on: another track."""
    path = ((0, 0.5), (1.5, 0.5), (2.0, 2.5), (4.0, 2.5), (4.5, 0.5), (6.5, 0.5))
    away = Role(person=0, path=[(time, x, 0.45, 0.5) for time, x in path])
    write_people('a.mp4', away, seconds=6.5)
    analyze('a.mp4')
    faces = pd.read_csv('out/a/faces.csv')
    gone = faces[faces['time'].between(2.0, 4.0)]
    assert len(gone) == 25
    assert gone[['track', 'FaceScore', 'fear', 'happiness']].isna().all(axis=None)
    windows = pd.read_csv('out/a/windows.csv')
    assert windows['track'].nunique() == 2
    assert not ((windows['end'] > 2.3) & (windows['start'] < 3.9)).any()
