"""What users of other tools complain of, and files that are no good video."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import torch
from clip_files import set_matrix
from drawn_faces.film import Film, Role, Shot, write_film
from untrained_demo import CONFIG, write_untrained_demo

from dferclip_mm.faces.detectors import MTCNN
from dferclip_mm.media.timed_frames import read_timed_frames

RunTool = Callable[..., None]


@pytest.fixture
def analyze(work_dir: Path, run_tool: RunTool) -> RunTool:
    checkpoint = write_untrained_demo(work_dir)

    def run(*words: object, checkpoint: str = checkpoint) -> None:
        options = ('--window', '1', '--device', 'cpu', '--formats', 'csv', '--out', 'out')
        run_tool('analyze', *words, '--model', CONFIG, checkpoint, *options)

    return run


def film(path: str, role: Role | None, *, end: float = 2.0, width: int = 320) -> None:
    times = [index / 12 for index in range(round(12 * end))]
    shots = (Shot(start=0.0, roles=(role,) if role else ()),)
    write_film(path, Film(shots=shots, times=times, width=width, height=180))


def sound_only(path: str) -> None:
    with av.open(path, 'w') as file:
        stream = file.add_stream('aac', rate=8000)
        for _ in range(12):
            block = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format='fltp', layout='mono'
            )
            block.rate = 8000
            file.mux(stream.encode(block))
        file.mux(stream.encode())


def no_frames(path: str) -> None:
    with av.open(path, 'w', options={'movflags': 'empty_moov+frag_keyframe'}) as file:
        stream = file.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 25)
        file.start_encoding()


@pytest.mark.parametrize(
    ('write', 'said'),
    [
        (sound_only, 'a.mp4: expected a video, found a file without a video stream'),
        (no_frames, 'a.mp4: expected a video, found one without frames'),
        (lambda path: Path(path).touch(), 'a.mp4: expected a video, found an empty file'),
        (lambda path: Path(path).write_text('text'), 'a.mp4: expected a video container'),
    ],
)
def test_what_has_no_frames_ends_in_one_sentence_and_writes_nothing(
    analyze: RunTool, write: Callable[[str], None], said: str
) -> None:
    write('a.mp4')
    with pytest.raises(SystemExit) as end:
        analyze('a.mp4')
    assert said in str(end.value)
    assert len(str(end.value).splitlines()) <= 2
    assert not Path('out').exists()


def test_a_checkpoint_that_does_not_fit_ends_in_one_sentence(analyze: RunTool) -> None:
    film('a.mp4', None)
    content = torch.load('model.pth')
    content['state_dict'] = {'other.weight': torch.zeros(3)}
    torch.save(content, 'model.pth')
    with pytest.raises(SystemExit) as end:
        analyze('a.mp4')
    assert 'model.pth' in str(end.value)
    assert len(str(end.value).splitlines()) <= 2
    assert not Path('out').exists()


def test_a_crowd_is_answered_up_to_the_cap_which_is_said(
    analyze: RunTool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    film('a.mp4', None, end=1.0)
    corners = [(20 * x, 60 * y) for x in range(40) for y in range(5)]
    boxes = [(x, y, x + 15, y + 30 + number / 10) for number, (x, y) in enumerate(corners)]
    crowd = (boxes, np.full((200, 5, 2), np.nan), np.ones(200))
    monkeypatch.setattr(MTCNN, '__call__', lambda self, image: crowd)
    analyze('a.mp4')
    printed = capsys.readouterr().out
    assert 'faces followed: 20,' in printed
    assert f'{12 * 180} faces, counted in all frames, were left out, because at most 20' in printed
    assert pd.read_csv('out/a/faces.csv').groupby('frame').size().tolist() == [20] * 12


def test_a_video_of_a_turned_phone_is_analysed_upright(analyze: RunTool) -> None:
    """A quarter turn to the right: what is stored at the left is shown at the top."""
    film('upright.mp4', Role(person=0, path=((0, 0.9, 0.5, 0.5),)))
    with av.open('turned.mp4', 'w') as file:
        stream = file.add_stream('libx264', rate=12)
        stream.width, stream.height, stream.pix_fmt = 180, 320, 'yuv420p'
        for frame in read_timed_frames('upright.mp4'):
            stored = np.ascontiguousarray(np.rot90(frame.image))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format='rgb24')))
        file.mux(stream.encode())
    set_matrix(Path('turned.mp4'), 0, 1, -1, 0)
    analyze('upright.mp4', 'turned.mp4')
    upright, turned = (pd.read_csv(f'out/{name}/tracks.csv') for name in ('upright', 'turned'))
    assert len(upright) == len(turned) == 1
    faces = [pd.read_csv(f'out/{name}/faces.csv') for name in ('upright', 'turned')]
    for name in ('FaceRectX', 'FaceRectY', 'FaceRectHeight'):
        assert abs(faces[0][name] - faces[1][name]).median() < 4


def test_no_label_stays_when_the_face_has_gone(analyze: RunTool) -> None:
    """The person leaves from 1.5 seconds on, and is back from 4.5 seconds on: another track."""
    path = ((0, 0.5), (1.5, 0.5), (2.0, 2.5), (4.0, 2.5), (4.5, 0.5), (6.5, 0.5))
    film('a.mp4', Role(person=0, path=[(time, x, 0.45, 0.5) for time, x in path]), end=6.5)
    analyze('a.mp4')
    faces = pd.read_csv('out/a/faces.csv')
    gone = faces[faces['time'].between(2.0, 4.0)]
    assert len(gone) == 25
    assert gone[['track', 'FaceScore', 'fear', 'happiness']].isna().all(axis=None)
    windows = pd.read_csv('out/a/windows.csv')
    assert windows['track'].nunique() == 2
    assert not ((windows['end'] > 2.3) & (windows['start'] < 3.9)).any()
