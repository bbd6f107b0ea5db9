from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from untrained_demo import CONFIG, write_untrained_demo

RunTool = Callable[..., None]


@pytest.fixture
def explain(work_dir: Path, run_tool: RunTool, frames: Any) -> RunTool:
    """Run the program on the clips long (8 frames) and short (3 frames) with an untrained model."""
    frames(work_dir / 'long', count=8)
    frames(work_dir / 'short', count=3)
    checkpoint = write_untrained_demo(work_dir)

    def run(*words: str) -> None:
        run_tool('explain', *words, '--model', CONFIG, checkpoint, '--out', 'out')

    return run


def test_a_clip_gets_its_pictures_and_the_model_its_words(
    explain: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    explain('long')
    names = sorted(str(path.relative_to('out')) for path in Path('out').rglob('*.*'))
    assert names == ['long/face.png', 'long/time.png', 'near_words.csv', 'texts.png']
    for name in (name for name in names if name.endswith('.png')):
        picture = cv2.imread(f'out/{name}')
        assert min(picture.shape[:2]) > 300
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert len(pd.read_csv('out/near_words.csv')) == 7 * 8 * 5
    said = capsys.readouterr()
    assert 'no sentences.csv: no class of the head has several sentences' in said.err
    assert said.out.endswith('explanations of 1 clips: out\n')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['long', '--class', 'joy'], r"expected a class of the model \(happiness.*found 'joy'"),
        (['long', '--layer', 'visual.trunk.stem'], r"no layer 'visual.trunk.stem'; did you mean"),
        (['short'], 'short has 3 frames, and the model takes 4: .* give a longer clip'),
        (['missing'], 'missing'),
        (['long', 'elsewhere/long.mp4'], 'two clips are named long'),
    ],
    ids=['class', 'layer', 'short clip', 'missing clip', 'name twice'],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_written(
    explain: RunTool, words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        explain(*words)
    assert not Path('out').exists()


def test_a_clip_that_cannot_be_explained_does_not_keep_the_others(explain: RunTool) -> None:
    with pytest.raises(SystemExit, match='1 of 2 clips: short has 3 frames'):
        explain('short', 'long')
    assert Path('out/long/time.png').is_file()
    assert not Path('out/short').exists()


def test_a_head_without_texts_is_refused(explain: RunTool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.ModuleDict(dict(cls_head=torch.nn.Linear(2, 2)))
    monkeypatch.setattr('dferclip_mm.engine.model.load_model', lambda *_: model)
    with pytest.raises(SystemExit, match='Linear has no text for each class'):
        explain('long')
