import copy

import open_clip
import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.clip.build import build_clip, build_tokenizer, fingerprint


def encoder_of(arch, pretrained=None, **kwargs):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=arch, pretrained=pretrained, **kwargs))


def test_known_architecture_by_name():
    clip = build_clip('ViT-B-32')
    assert sum(p.numel() for p in clip.visual.parameters()) == 87_849_216
    assert clip.text.output_dim == 512


def test_weights_file_loads_into_both_towers(tiny_clip, tiny_weights):
    expected = torch.load(tiny_weights)
    clip = build_clip(tiny_clip, tiny_weights)
    torch.testing.assert_close(clip.visual.proj, expected['visual.proj'])
    torch.testing.assert_close(clip.text.text_projection, expected['text_projection'])


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


@pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning')
@pytest.mark.parametrize('form', ['weights', 'program'])
def test_a_flipped_bit_is_refused(tmp_path, tiny_clip, tiny_weights, form):
    """PyTorch writes a checksum of each tensor, and reads over it."""
    path = tmp_path / 'tiny_clip.pt'
    if form == 'program':
        torch.jit.script(open_clip.CLIP(**tiny_clip).eval()).save(path)
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


def test_frozen_tower_cannot_train_and_stays_out_of_checkpoints(tiny_clip, tiny_weights):
    encoder = encoder_of(tiny_clip, tiny_weights)
    assert list(encoder.parameters()) == []
    assert list(encoder.state_dict()) == ['text_fingerprint']
    assert 'text.text_projection' in encoder_of(tiny_clip).state_dict()
    assert len(list(encoder_of(tiny_clip, tiny_weights, frozen=False).parameters())) > 10


def test_frozen_tower_equals_the_trainable_one(tiny_clip, tiny_weights):
    tokens = open_clip.tokenize(['a smile', 'raised brows and open eyes'])
    frozen = encoder_of(tiny_clip, tiny_weights)
    expected = open_clip.CLIP(**tiny_clip)
    expected.load_state_dict(torch.load(tiny_weights))
    torch.testing.assert_close(frozen(tokens), expected.encode_text(tokens))


def test_checkpoint_over_other_frozen_weights_is_refused(tmp_path, tiny_clip, tiny_weights):
    state = encoder_of(tiny_clip, tiny_weights).state_dict()
    encoder_of(tiny_clip, tiny_weights).load_state_dict(state)
    other = tmp_path / 'other.pt'
    torch.save(open_clip.CLIP(**tiny_clip).state_dict(), other)
    with pytest.raises(ValueError, match='other frozen CLIP weights'):
        encoder_of(tiny_clip, str(other)).load_state_dict(state)


def test_checkpoint_with_the_tower_puts_it_in_place(tiny_clip, tiny_weights):
    stored = encoder_of(tiny_clip).state_dict()
    encoder = encoder_of(tiny_clip, tiny_weights)
    encoder.load_state_dict(stored)
    torch.testing.assert_close(encoder.text.text_projection, stored['text.text_projection'])
    assert torch.equal(encoder.text_fingerprint, fingerprint(encoder.text))


def test_checkpoint_with_another_tower_is_explained(tiny_clip, tiny_weights):
    stored = encoder_of(tiny_clip).state_dict()
    stored['text.text_projection'] = torch.zeros(5, 5)
    with pytest.raises(ValueError, match='first text_projection'):
        encoder_of(tiny_clip, tiny_weights).load_state_dict(stored)


def test_fingerprint_sees_one_changed_bit(tiny_clip):
    text = build_clip(tiny_clip).text
    before, copied = fingerprint(text), copy.deepcopy(text)
    assert torch.equal(fingerprint(copied), before)
    with torch.no_grad():
        copied.ln_final.bias[0] += 1e-7
    assert not torch.equal(fingerprint(copied), before)
