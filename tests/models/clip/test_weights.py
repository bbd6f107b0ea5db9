"""Weights that cannot be downloaded, are no CLIP's, or were damaged."""

from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.clip.build import build_clip


@pytest.mark.parametrize('offline', [True, False])
def test_weights_that_cannot_be_downloaded_are_told_in_one_sentence(monkeypatch, offline):
    tried = []

    def fail(*args, **kwargs):
        tried.append(kwargs['filename'])
        raise ConnectionError('no route to host\nmore of it')

    if offline:
        monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
        monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', '/nowhere')
    else:
        monkeypatch.setattr('open_clip.pretrained.hf_hub_download', fail)
    with pytest.raises(ValueError, match='cannot be downloaded') as caught:
        MODELS.build(dict(type='CLIPTextEncoder', arch='ViT-B-32', pretrained='openai'))
    said = str(caught.value)
    assert '\n' not in said
    for part in (
        "pretrained='openai' of ViT-B-32",
        'open_clip_model.safetensors',
        'https://huggingface.co/timm/vit_base_patch32_clip_224.openai',
        'model.backbone.pretrained',
        'model.cls_head.text_encoder.pretrained',
        'offline mode is set' if offline else 'no route to host',
    ):
        assert part in said


@pytest.mark.parametrize('content', [b'', b'not weights', None])
def test_files_that_do_not_fit_are_explained(tmp_path, tiny_clip, content):
    path = tmp_path / 'weights.pt'
    if content is None:
        torch.save({'visual.proj': torch.zeros(3)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r'weights.pt \(\d+ bytes\) does not hold CLIP weights'):
        build_clip(tiny_clip, str(path))


def test_a_flipped_bit_is_refused(tmp_path, tiny_clip, tiny_weights):
    """PyTorch writes a checksum of each tensor and never compares it."""
    path = Path(tiny_weights)
    proj = build_clip(tiny_clip, str(path)).visual.proj.detach().numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(proj) + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'tiny_clip\.pt .* the checksum of its record'):
        build_clip(tiny_clip, str(path))
