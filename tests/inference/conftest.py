"""An analyzer of the demonstration's model without training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from untrained_demo import CONFIG, whole_frame, write_untrained_demo

from dferclip_mm.inference import EmotionAnalyzer


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_untrained_demo(tmp_path_factory.mktemp('model'))


@pytest.fixture
def build(checkpoint: str) -> Callable[..., EmotionAnalyzer]:
    def analyzer(**settings: object) -> EmotionAnalyzer:
        settings = {'detector': whole_frame, 'window': 1.0, 'device': 'cpu', **settings}
        return EmotionAnalyzer(CONFIG, checkpoint, **settings)

    return analyzer
