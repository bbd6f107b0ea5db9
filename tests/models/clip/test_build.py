import open_clip
import pytest
import torch

from dferclip_mm.models.clip.build import build_clip, build_tokenizer


def test_known_architecture_by_name():
    clip = build_clip('ViT-B-32')
    assert sum(p.numel() for p in clip.visual.parameters()) == 87_849_216
    assert clip.text.output_dim == 512


@pytest.mark.parametrize(
    ('arch', 'pretrained', 'message'),
    [
        ('ViT-B-33', None, 'did you mean ViT-B-32'),
        ('ViT-B-32', 'opnai', 'neither a weights file nor a tag of ViT-B-32: its tags are openai'),
        ('ViT-B-32-quickgelu', 'laion2b_s34b_b79k', 'neither a weights file nor a tag'),
    ],
)
def test_unknown_names_are_explained(arch, pretrained, message):
    with pytest.raises(ValueError, match=message):
        build_clip(arch, pretrained)


def test_tag_decides_the_activation(monkeypatch):
    """OpenAI's weights were trained with QuickGELU, which the name ViT-B-32 does not say."""
    asked = {}
    monkeypatch.setattr(open_clip, 'create_model', lambda *a, **k: asked.update(k))
    build_clip('ViT-B-32', 'openai')
    assert asked['force_quick_gelu'] is True
    build_clip('ViT-B-32', 'laion2b_s34b_b79k')
    assert asked['force_quick_gelu'] is False


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
    path = tmp_path / 'tiny_clip.pt'
    proj = build_clip(tiny_clip, str(path)).visual.proj.detach().numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(proj) + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'tiny_clip\.pt .* the checksum of its record'):
        build_clip(tiny_clip, str(path))


def test_other_vocabularies_are_refused(monkeypatch):
    monkeypatch.setattr(open_clip, 'get_tokenizer', lambda name: object())
    with pytest.raises(ValueError, match='byte-pair vocabulary'):
        build_tokenizer('ViT-B-16-SigLIP')
