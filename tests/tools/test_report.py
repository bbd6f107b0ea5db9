from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest


def write_run(folder: Path) -> None:
    content = {
        'classes': ['sadness', 'joy'],
        'clips': [{'label': 0, 'predicted': 0}, {'label': 0, 'predicted': 1}]
        + [{'label': 1, 'predicted': 1}] * 2,
    }
    (folder / 'test_results.json').write_text(json.dumps(content))
    log = folder / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    lines = [{'loss': 2.0, 'step': 1}, {'dfer/UAR': 50.0, 'dfer/WAR': 60.0, 'step': 1}]
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)) + '\n')


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
    for line in lines[-2:]:
        picture = cv2.imread(line.split(': ')[1])
        assert picture.std() > 5


def test_a_run_without_results_says_how_to_save_them(
    work_dir: Path, run_tool: Callable[..., None]
) -> None:
    with pytest.raises(SystemExit, match=r'error: no results at .*test_evaluator\.save_to='):
        run_tool('report', work_dir)
