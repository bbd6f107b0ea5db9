from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_faces import write_corpus

from dferclip_mm.faces.crop import read_template

CONFIG = str(Path(__file__).parents[2] / 'configs' / 'demo_dferclip.py')


def test_the_crops_of_the_drawn_corpus_are_measured(
    work_dir: Path, run_tool: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(work_dir / 'data', clips_per_class=3, identities=5, workers=1, progress=False)
    # Only the training list is read.
    (work_dir / 'data/EmoLabel_DataSplit/test(single-labeled)/set_1.csv').unlink()
    options = ('--data-root', work_dir / 'data', '--clips', '12')
    run_tool('measure_crop', CONFIG, *options, '--out', 'crop.json')
    printed = capsys.readouterr().out
    assert 'left eye ' in printed
    assert 'wrote crop.json: faces in ' in printed
    template = read_template('crop.json')
    assert template.frames + template.without_face == 12
    assert template.size == 96
    assert 12 < template.clip_frames < 24
    # Half the height of a drawn face is 0.405 of the frame, and eyes lie 0.12 of that higher than
    # the middle, which is at 0.52.
    np.testing.assert_allclose(np.array(template.landmarks)[:2, 1], 0.52 - 0.12 * 0.405, atol=0.04)
    np.testing.assert_allclose(np.array(template.landmarks)[:2, 0].mean(), 0.5, atol=0.04)
