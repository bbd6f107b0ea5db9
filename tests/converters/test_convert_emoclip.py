import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.converters import ConversionError, convert, convert_back


@pytest.fixture(scope='module')
def converted(emoclip_state):
    wrapped = {f'module.{name}': value for name, value in emoclip_state.items()}
    return convert(wrapped)


def test_all_sizes_are_inferred(converted):
    assert converted.kind == 'EmoCLIP'
    assert converted.prompts is None
    assert converted.model['neck'] == dict(
        in_channels=512,
        embed_dims=512,
        max_frames=1023,
        depth=2,
        num_heads=8,
        head_dim=2048,
        mlp_dim=512,
    )


def test_names_are_those_of_our_parts(converted):
    backbone = MODELS.build(dict(type='CLIPVisualEncoder', **converted.model['backbone']))
    text = MODELS.build(dict(type='CLIPTextEncoder', **converted.model['cls_head']['text_encoder']))
    with torch.device('meta'):
        neck = MODELS.build(dict(type='TemporalTransformer', **converted.model['neck']))
    assert sum(p.numel() for p in neck.parameters()) == 68_689_408
    parts = {'backbone.': backbone, 'cls_head.text_encoder.': text, 'neck.': neck}
    expected = {prefix + name for prefix, part in parts.items() for name in part.state_dict()}
    assert set(converted.state_dict) == expected | {'cls_head.logit_scale'}


def test_the_scale_of_the_model_is_taken_not_that_of_clip(emoclip_state):
    state = {**emoclip_state, 'logit_scale': torch.tensor(4.0)}
    found = convert(state)
    assert found.state_dict['cls_head.logit_scale'] == 4.0
    assert found.meta['clip_logit_scale'] == emoclip_state['backbone.logit_scale'].item()
    # Plain data: the file is read where only such is allowed.
    assert type(found.meta['clip_logit_scale']) is float


def test_way_back_is_bitwise(converted, emoclip_state):
    back = convert_back({'state_dict': converted.state_dict, 'meta': converted.meta})
    assert set(back) == {f'module.{name}' for name in emoclip_state}
    for name, value in emoclip_state.items():
        assert torch.equal(back[f'module.{name}'], value), name


def test_both_sides_of_a_misfit_are_named(emoclip_state):
    state = dict(emoclip_state)
    state['temporal.to_logits.weight'] = state.pop('temporal.cls_token')
    message = r'1 missing: temporal\.cls_token; 1 left over: temporal\.to_logits\.weight'
    with pytest.raises(ConversionError, match=message):
        convert(state)
