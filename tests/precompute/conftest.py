from pathlib import Path

import pytest

from dferclip_mm.precompute.source_clips import SourceClip
from dferclip_mm.transforms import ClipInit


@pytest.fixture
def source_clip():
    """A clip that no dataset lists, named after its file."""

    def build(path):
        return SourceClip(Path(path).stem, dict(filename=str(path)), ClipInit())

    return build
