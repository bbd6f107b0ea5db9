import pytest
import torch
from mmaction.registry import MODELS


def test_init_weights_keeps_what_was_loaded(tiny_clip, tiny_weights):
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip, pretrained=tiny_weights))
    encoder.init_weights()
    torch.testing.assert_close(encoder.visual.proj, torch.load(tiny_weights)['visual.proj'])


def test_images_of_another_size_are_refused(tiny_clip):
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))
    with pytest.raises(ValueError, match='32 x 32 pixels, found 64 x 48'):
        encoder(torch.randn(1, 3, 64, 48))


@pytest.mark.parametrize(
    'settings',
    [dict(pool_type='avg'), dict(attentional_pool=True), dict(layers=1), dict(qk_norm=True)],
    ids=str,
)
def test_towers_that_need_every_token_have_it(tiny_clip, settings):
    tiny_clip['vision_cfg'].update(settings)
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip)).eval()
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(encoder(images), encoder.visual(images))


def test_a_tower_that_returns_its_tokens_as_well_gives_its_feature(tiny_clip):
    tiny_clip['vision_cfg'].update(attentional_pool=True, output_tokens=True)
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip)).eval()
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(encoder(images), encoder.visual(images)[0])
