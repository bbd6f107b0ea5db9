"""The identity of frame features tells image encoders and their inputs apart."""

import copy

import pytest
from mmaction.registry import MODELS

from dferclip_mm.precompute.frame_identity import find_identity

PIXELS = [dict(type='ClipDecode')]


@pytest.fixture
def identity(tiny_model, tiny_weights):
    """Of a small model with some settings changed."""
    tiny_model['backbone'].update(pretrained=tiny_weights, frozen=True)

    def find(dtype='float32', preprocessor=(), vision=(), quick_gelu=True, **backbone):
        config = copy.deepcopy(tiny_model)
        config['data_preprocessor'].update(preprocessor)
        config['backbone'].update(backbone)
        config['backbone']['arch']['vision_cfg'].update(vision)
        config['backbone']['arch']['quick_gelu'] = quick_gelu
        return find_identity(MODELS.build(config), PIXELS, dtype)

    return find


@pytest.mark.parametrize(
    ('change', 'key'),
    [
        (dict(vision=dict(head_width=32)), 'encoder'),
        (dict(quick_gelu=False), 'encoder'),
        (dict(preprocessor=dict(mean=[1, 1, 1])), 'data_preprocessor'),
        (dict(preprocessor=dict(to_rgb=True)), 'data_preprocessor'),
        (dict(dtype='float16'), 'dtype'),
    ],
)
def test_another_setting_is_another_identity(identity, change, key):
    first = identity()
    assert first == identity()
    assert first['pixels'] == PIXELS
    other = identity(**change)
    assert [name for name in first if first[name] != other[name]] == [key]


@pytest.mark.parametrize('change', [dict(frozen=False), dict(pretrained=None)])
def test_weights_that_can_change_or_cannot_be_loaded_again_are_refused(identity, change):
    with pytest.raises(ValueError, match='frozen weights that can be loaded again'):
        identity(**change)
