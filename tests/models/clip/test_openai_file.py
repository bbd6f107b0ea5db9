import hashlib

import open_clip
import pytest
import torch

from dferclip_mm.models.clip.build import build_clip
from dferclip_mm.models.clip.openai_file import openai_checksums, read_openai_file

pytestmark = pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning')


@pytest.fixture
def archive(tmp_path, tiny_clip):
    """A random CLIP as OpenAI distributes it: float16 and TorchScript. Path and SHA-256."""
    path = tmp_path / 'ViT-B-32.pt'
    torch.jit.script(open_clip.CLIP(**tiny_clip).eval().half()).save(path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_open_clip_knows_nine_files():
    assert len(openai_checksums()) == 9
    assert all(len(checksum) == 64 for checksum in openai_checksums())
    assert '40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af' in openai_checksums()


def test_a_listed_file_is_read_as_a_state_dict(archive):
    path, checksum = archive
    state = read_openai_file(path, [checksum])
    assert state['visual.proj'].dtype == torch.float16
    assert 'attn_mask' not in state


def test_an_unlisted_archive_is_refused(archive, tiny_clip):
    path, _ = archive
    with pytest.raises(ValueError, match=r'not one of the 9 files .* save its state_dict\(\)'):
        build_clip(tiny_clip, str(path))
