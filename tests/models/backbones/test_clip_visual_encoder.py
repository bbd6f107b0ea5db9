import open_clip
import pytest
import torch
from mmaction.registry import MODELS


def test_equals_open_clip(tiny_clip, tiny_weights):
    encoder = MODELS.build(
        dict(type='CLIPVisualEncoder', arch=tiny_clip, pretrained=tiny_weights)
    ).eval()
    expected = open_clip.CLIP(**tiny_clip)
    expected.load_state_dict(torch.load(tiny_weights))
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(encoder(images), expected.eval().encode_image(images))


def test_init_weights_keeps_what_was_loaded(tiny_clip, tiny_weights):
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip, pretrained=tiny_weights))
    encoder.init_weights()
    torch.testing.assert_close(encoder.visual.proj, torch.load(tiny_weights)['visual.proj'])


def test_frozen_has_nothing_to_train(tiny_clip):
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip, frozen=True))
    assert list(encoder.parameters()) == []
    assert not encoder(torch.randn(1, 3, 32, 32)).requires_grad


def test_wrong_size_is_explained(tiny_clip):
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))
    with pytest.raises(ValueError, match='32 x 32 pixels, found 64 x 48'):
        encoder(torch.randn(1, 3, 64, 48))
