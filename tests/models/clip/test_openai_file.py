import hashlib

import open_clip
import pytest
import torch

from dferclip_mm.models.clip import weights
from dferclip_mm.models.clip.build import build_clip

pytestmark = pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning')


def test_open_clip_knows_nine_files():
    checksums = weights.openai_checksums()
    assert len(checksums) == 9
    assert '40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af' in checksums


def test_an_archive_is_read_as_a_state_dict_if_openai_published_it(
    tmp_path, tiny_clip, monkeypatch
):
    """OpenAI distributes float16 and TorchScript."""
    path = tmp_path / 'ViT-B-32.pt'
    torch.jit.script(open_clip.CLIP(**tiny_clip).eval().half()).save(path)
    with pytest.raises(ValueError, match=r'not one of the 9 files .* save its state_dict\(\)'):
        build_clip(tiny_clip, str(path))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(weights, 'openai_checksums', lambda: {checksum})
    state = weights.read_openai_file(path)
    assert state['visual.proj'].dtype == torch.float16
    assert 'attn_mask' not in state
