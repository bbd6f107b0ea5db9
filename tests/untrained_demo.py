"""The demonstration's model without training, and how its faces are cropped, for own videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_runs import CONFIGS, write_model

from dferclip_mm.faces.crop import CropTemplate, write_template

CONFIG = CONFIGS / 'demo_dferclip.py'
SIZE = 96
TEMPLATE = CropTemplate(
    landmarks=[[0.38, 0.46], [0.63, 0.46], [0.5, 0.59], [0.38, 0.72], [0.62, 0.72]],
    spread=[[0.0, 0.0]] * 5,
    box=[0.0, 0.0, 1.0, 1.0],
    size=SIZE,
    frames=1,
    without_face=0,
)


def write_untrained_demo(folder: Path, config: Path = CONFIG) -> str:
    """Write checkpoint and template side by side, and return the checkpoint's path."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    write_template(folder / 'crop.json', TEMPLATE)
    return write_model(Config.fromfile(config).model, folder / 'model.pth')


def whole_frame(image: np.ndarray) -> tuple:
    """A detector for crops: every frame is one face, in the template's place."""
    height, width = image.shape[:2]
    return [(0, 0, width, height)], np.array(TEMPLATE.landmarks) * (width, height), [1.0]
