import json
from pathlib import Path

import official_layouts
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope='session')
def golden():
    return json.loads((ROOT / 'tests' / 'data' / 'golden_models.json').read_text())


@pytest.fixture(scope='session')
def dferclip_state(golden):
    """A DFER-CLIP state dict as published, without ``module.``; do not write into it."""
    return official_layouts.dferclip_state_dict(golden['dferclip']['middle_specific'])


@pytest.fixture(scope='session')
def dferclip_file(dferclip_state, tmp_path_factory):
    path = tmp_path_factory.mktemp('published') / 'dferclip.pth'
    official_layouts.save_like_dferclip(dferclip_state, path)
    return path


@pytest.fixture(scope='session')
def emoclip_state(golden):
    """An EmoCLIP state dict as published, without ``module.``; do not write into it."""
    return official_layouts.emoclip_state_dict(golden['emoclip']['tiny_16'])
