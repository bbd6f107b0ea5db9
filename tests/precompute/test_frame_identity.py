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

    def find(dtype='float32', preprocessor=(), vision=(), **backbone):
        config = copy.deepcopy(tiny_model)
        config['data_preprocessor'].update(preprocessor)
        config['backbone'].update(backbone)
        config['backbone']['arch']['vision_cfg'].update(vision)
        return find_identity(MODELS.build(config), PIXELS, dtype)

    return find


def test_the_identity_names_what_decides_on_features(identity):
    found = identity()
    assert found == identity()
    assert found['encoder'].startswith('CLIPVisualEncoder ')
    assert len(found['weights']) == 16
    assert found['data_preprocessor'] == {
        'to_rgb': False,
        'format_shape': 'NCHW',
        'mean': [0, 0, 0],
        'std': [255, 255, 255],
    }
    assert (found['pixels'], found['dtype']) == (PIXELS, 'float32')


@pytest.mark.parametrize(
    ('change', 'key'),
    [
        (dict(vision=dict(head_width=32)), 'encoder'),
        (dict(preprocessor=dict(mean=[1, 1, 1])), 'data_preprocessor'),
        (dict(preprocessor=dict(to_rgb=True)), 'data_preprocessor'),
        (dict(dtype='float16'), 'dtype'),
    ],
)
def test_another_setting_is_another_identity(identity, change, key):
    first, other = identity(), identity(**change)
    assert [name for name in first if first[name] != other[name]] == [key]


def test_quick_gelu_changes_the_identity(identity, tiny_model):
    first = identity()
    tiny_model['backbone']['arch']['quick_gelu'] = False
    assert first['encoder'] != identity()['encoder']


@pytest.mark.parametrize('change', [dict(frozen=False), dict(pretrained=None)])
def test_weights_that_can_change_or_cannot_be_loaded_again_are_refused(identity, change):
    with pytest.raises(ValueError, match='frozen weights that can be loaded again'):
        identity(**change)
