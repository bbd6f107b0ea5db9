from __future__ import annotations

import base64
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_files import write_frames, write_video
from mini_corpora import write_clip
from untrained_demo import CONFIG, write_untrained_demo

from dferclip_mm.transforms import clip_init


def write_run(folder: Path) -> None:
    outcomes = [(0, 0), (0, 1), (1, 1), (1, 1)]
    clips = [
        {
            'clip': str(folder / 'clips' / str(number)),
            'label': label,
            'predicted': predicted,
            'scores': [0.2 + 0.6 * (predicted == 0), 0.2 + 0.6 * (predicted == 1)],
        }
        for number, (label, predicted) in enumerate(outcomes)
    ]
    write_clip(folder / 'clips' / '1', 3, 'jpg')
    content = {'classes': ['sadness', 'joy'], 'clips': clips}
    (folder / 'test_results.json').write_text(json.dumps(content))
    log = folder / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    lines = [{'loss': 2.0, 'step': 1}, {'dfer/UAR': 50.0, 'dfer/WAR': 60.0, 'step': 1}]
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)) + '\n')


def test_a_video_with_fewer_frames_than_are_shown_repeats_them(tmp_path: Path) -> None:
    read_frames = runpy.run_path(str(Path(__file__).parents[2] / 'tools/report.py'))['read_frames']
    shown = read_frames(str(write_video(tmp_path / 'short.avi', 3)), 6)
    assert [round(float(image.mean()), -1) for image in shown] == [0, 0, 10, 10, 20, 20]


def test_a_run_is_reported_as_a_table_and_plots(
    work_dir: Path, run_tool: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(work_dir)
    run_tool('report', work_dir)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ['recall', 'clips'],
        ['sadness', '50.0', '%', '2'],
        ['joy', '100.0', '%', '2'],
        ['UAR', '75.00', '%', 'WAR', '75.00', '%', '(4', 'clips)'],
    ]
    for line in lines[-3:-1]:
        picture = cv2.imread(line.split(': ')[1])
        assert picture.std() > 5
    page = Path(lines[-1].removeprefix('page: ')).read_text()
    # The frames of the mistake; of clips that are gone, why.
    assert page.count('alt="frames of 1"') == 2
    assert 'No such file or directory' in page


def test_the_folds_of_a_cross_validation_are_reported_together(
    work_dir: Path, run_tool: Callable[..., None]
) -> None:
    for fold in ('fold_1', 'fold_2'):
        (work_dir / 'folds' / fold).mkdir(parents=True)
        write_run(work_dir / 'folds' / fold)
    run_tool('report', 'folds')
    page = Path('folds/report.html').read_text()
    assert '8 clips' in page
    assert page.count('alt="learning curves"') == 2
    assert Path('folds/learning_curves_fold_2.png').is_file()


def test_a_page_shows_what_spoke_for_the_answers(
    work_dir: Path, run_tool: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Clips that were evaluated are face crops.
    monkeypatch.setattr(clip_init, '_warn_of_faces', lambda *said: pytest.fail(str(said)))
    write_run(work_dir)
    write_frames(work_dir / 'clips' / '1', 8, names=[f'{number}.jpg' for number in range(1, 9)])
    run_tool('report', work_dir, '--explain', CONFIG, write_untrained_demo(work_dir))
    page = Path('report.html').read_text()
    assert 'red places speak most' in page
    sheet = re.search(r'src="data:image/jpeg;base64,([^"]+)" alt="frames of 1"', page)[1]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(sheet), np.uint8), cv2.IMREAD_COLOR)
    # Four grey frames, and below them the same with colours.
    assert picture.shape == (224, 4 * 112, 3)
    colors = np.ptp(picture.astype(int), axis=2).mean(axis=1)
    assert colors[:100].max() < 2 < 10 < colors[124:].max()
