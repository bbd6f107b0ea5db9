import copy

import open_clip
import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.clip.frozen import fingerprint


def encoder_of(arch, pretrained=None, **kwargs):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=arch, pretrained=pretrained, **kwargs))


def test_a_frozen_tower_cannot_train_and_stays_out_of_checkpoints(tiny_clip, tiny_weights):
    encoder = encoder_of(tiny_clip, tiny_weights)
    assert list(encoder.parameters()) == []
    assert list(encoder.state_dict()) == ['text_fingerprint']
    assert 'text.text_projection' in encoder_of(tiny_clip).state_dict()
    trained = encoder_of(tiny_clip, tiny_weights, frozen=False)
    assert all(weight.requires_grad for weight in trained.parameters())


def test_a_checkpoint_over_other_frozen_weights_is_refused(tmp_path, tiny_clip, tiny_weights):
    state = encoder_of(tiny_clip, tiny_weights).state_dict()
    encoder_of(tiny_clip, tiny_weights).load_state_dict(state)
    other = tmp_path / 'other.pt'
    torch.save(open_clip.CLIP(**tiny_clip).state_dict(), other)
    with pytest.raises(ValueError, match='other frozen CLIP weights'):
        encoder_of(tiny_clip, str(other)).load_state_dict(state)


def test_a_checkpoint_with_another_tower_is_explained(tiny_clip, tiny_weights):
    stored = encoder_of(tiny_clip).state_dict()
    stored['text.text_projection'] = torch.zeros(5, 5)
    with pytest.raises(
        ValueError, match=r'does not fit this CLIP: 1 of .* text_projection \(5, 5\) against'
    ):
        encoder_of(tiny_clip, tiny_weights).load_state_dict(stored)


def test_the_fingerprint_sees_one_changed_bit(tiny_clip):
    text = encoder_of(tiny_clip, frozen=True).text
    before, copied = fingerprint(text), copy.deepcopy(text)
    assert torch.equal(fingerprint(copied), before)
    copied.ln_final.bias[0] += 1e-7
    assert not torch.equal(fingerprint(copied), before)


def test_a_checkpoint_that_holds_the_tower_overwrites_that_of_a_copy_alone(tiny_clip, tiny_weights):
    """EMA copies the model."""
    encoder = encoder_of(tiny_clip, tiny_weights)
    copied = copy.deepcopy(encoder)
    assert list(copied.state_dict()) == ['text_fingerprint']
    stored = encoder_of(tiny_clip).state_dict()
    copied.load_state_dict(stored)
    assert torch.equal(copied.text.text_projection, stored['text.text_projection'])
    assert torch.equal(copied.text_fingerprint, fingerprint(copied.text))
    assert not torch.equal(encoder.text.text_projection, stored['text.text_projection'])


def test_batch_norms_of_a_frozen_tower_keep_their_statistics(tmp_path, tiny_clip):
    vision = dict(image_size=32, layers=[1, 1, 1, 1], width=8, patch_size=None)
    arch = dict(tiny_clip, vision_cfg=vision)
    torch.save(open_clip.CLIP(**arch).state_dict(), tmp_path / 'clip.pt')
    backbone = MODELS.build(
        dict(
            type='CLIPVisualEncoder',
            arch=arch,
            pretrained=str(tmp_path / 'clip.pt'),
            frozen=True,
        )
    ).train()
    backbone(torch.rand(2, 3, 32, 32))
    assert torch.equal(fingerprint(backbone.visual), backbone.visual_fingerprint)
    assert list(backbone.state_dict()) == ['visual_fingerprint']
