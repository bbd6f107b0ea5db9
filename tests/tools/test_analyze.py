from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from drawn_faces.film import Film, Role, Shot, write_film
from untrained_demo import CONFIG, write_untrained_demo

RunTool = Callable[..., None]


@pytest.fixture
def analyze(work_dir: Path, run_tool: RunTool) -> RunTool:
    """Run the program on one.mp4, with a face, or empty.mp4, without."""
    roles = {'one': (Role(person=0, path=((0, 0.9, 0.45, 0.5),)),), 'empty': ()}
    times = [index / 12 for index in range(24)]
    for name, cast in roles.items():
        shots = (Shot(start=0.0, roles=cast),)
        write_film(Path(f'{name}.mp4'), Film(shots=shots, times=times, width=320, height=180))
    checkpoint = write_untrained_demo(work_dir)

    def run(*words: str) -> None:
        model = ('--model', CONFIG, checkpoint, '--window', '1', '--device', 'cpu')
        run_tool('analyze', *words, *model, '--out', 'out')

    return run


def test_each_video_gets_a_folder_with_its_timeline(
    analyze: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze('one.mp4', 'empty.mp4')
    printed = capsys.readouterr().out
    assert 'one.mp4: 1 faces followed, 3 windows, 1.9 s: out/one' in printed
    assert 'empty.mp4: 0 faces followed, 0 windows, 1.9 s: out/empty' in printed
    names = ['timeline.csv', 'timeline.json', 'timeline.srt', 'timeline.vtt']
    for name in ('one', 'empty'):
        assert sorted(path.name for path in Path('out', name).iterdir()) == names
    table = pd.read_csv('out/one/timeline.csv')
    assert table['start'].tolist() == pytest.approx([0, 0.5, 0.917], abs=1e-3)
    content = json.loads(Path('out/one/timeline.json').read_text())
    assert content['info']['window'] == 1.0
    assert [row['label'] for row in content['windows']] == table['label'].tolist()


def test_no_face_in_any_video_is_told_by_the_exit_code(
    analyze: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        analyze('empty.mp4', '--formats', 'csv')
    assert end.value.code == 3
    assert 'no face was found' in capsys.readouterr().out
    assert [path.name for path in Path('out/empty').iterdir()] == ['timeline.csv']


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['missing.mp4'], 'missing.mp4'),
        (['model.pth'], 'model.pth: expected a video container'),
        (['one.mp4', '--formats', 'csv,pdf'], '--formats: expected csv, json, srt, vtt, found pdf'),
        (['one.mp4', '--crop', 'other.json'], 'no other.json, which says how'),
        (['one.mp4', '--detector', 'faces.csv'], 'faces.csv'),
    ],
)
def test_wrong_input_ends_in_one_sentence_and_writes_nothing(
    analyze: RunTool, words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        analyze(*words)
    assert said in str(end.value)
    assert '\n' not in str(end.value)
    assert not Path('out').exists()
