"""A small DFER-CLIP, and a clip of noise for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.explain.clip import Clip


@pytest.fixture
def model(tiny_model: dict) -> Any:
    """Four frames of 32 pixels in 2 x 2 patches; two blocks over time."""
    tiny_model['neck']['depth'] = 2
    return MODELS.build(tiny_model).eval()


@pytest.fixture
def clip() -> Clip:
    return Clip('noise', torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), np.arange(4))
