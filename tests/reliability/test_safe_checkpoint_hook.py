"""What the kill tests do not see: the hook in a runner that does not train."""

from pathlib import Path

import torch
from killing import config
from small_runs import start


def test_validation_alone_saves_nothing(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    scores = start(config(tmp_path)).val()

    assert set(scores) >= {'dfer/UAR', 'dfer/WAR'}
    assert list(tmp_path.rglob('*.pth')) == []
