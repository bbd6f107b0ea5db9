import open_clip
import pytest
import torch

from dferclip_mm.converters import ConversionError, convert, convert_back, read_checkpoint
from dferclip_mm.converters.infer_arch import arch_name
from dferclip_mm.emotions import CORPUS_CLASSES


def test_everything_but_classes_and_position_is_inferred(golden, dferclip_state):
    found = convert(dferclip_state, context_position='middle')
    assert found.kind == 'DFER-CLIP'
    assert found.model['neck'] == dict(
        in_channels=512,
        embed_dims=512,
        max_frames=16,
        depth=1,
        num_heads=8,
        head_dim=64,
        mlp_dim=1024,
    )
    head = found.model['cls_head']
    assert (head['num_context'], head['class_specific']) == (4, True)
    assert head['context_position'] == 'middle'
    assert head['classes'] == list(CORPUS_CLASSES['dfew'])
    assert head['text_encoder'] == found.model['backbone']
    assert found.model['backbone']['pretrained'] is None
    arch = found.model['backbone']['arch']
    assert arch['vision_cfg'] == dict(image_size=224, layers=2, width=128, patch_size=32)
    assert arch['text_cfg']['heads'] == 2


def test_well_known_size_gets_its_name():
    arch = open_clip.get_model_config('ViT-B-32-quickgelu')
    assert arch_name(arch) == 'ViT-B-32-quickgelu'
    assert arch_name({**arch, 'embed_dim': 5}) == {**arch, 'embed_dim': 5}


def test_prompts_are_recovered_token_by_token(golden, dferclip_state):
    given = golden['dferclip']['middle_specific']['prompts']
    found = convert(dferclip_state).prompts
    assert found['happiness'] == (
        'corners of the mouth lifted into a grin , cheeks pushed up , eyes creased .'
    )
    expected, recovered = open_clip.tokenize(given), open_clip.tokenize(list(found.values()))
    assert torch.equal(expected, recovered)


def test_prefixes_of_several_wrappers_are_stripped(dferclip_state):
    wrapped = {f'module.module.{name}': value for name, value in dferclip_state.items()}
    assert set(convert(wrapped).state_dict) == set(convert(dferclip_state).state_dict)


def test_a_context_that_the_classes_share(dferclip_state):
    state = dict(dferclip_state)
    state['prompt_learner.ctx'] = state['prompt_learner.ctx'][0]
    found = convert(state)
    head = found.model['cls_head']
    assert (head['num_context'], head['class_specific']) == (4, False)
    assert head['context_position'] == found.meta['context_position'] == 'end'
    back = convert_back({'state_dict': found.state_dict, 'meta': found.meta})['state_dict']
    assert torch.equal(back['module.prompt_learner.ctx'], state['prompt_learner.ctx'])


def test_eleven_classes_are_those_of_mafw(dferclip_state):
    state = dict(dferclip_state)
    for name in ('ctx', 'token_prefix', 'token_suffix'):
        value = state[f'prompt_learner.{name}']
        state[f'prompt_learner.{name}'] = torch.cat([value, value[:4]])
    assert tuple(convert(state).prompts) == CORPUS_CLASSES['mafw']


def test_what_is_noted_is_plain_and_only_what_was_there(dferclip_state):
    found = convert({'state_dict': dferclip_state, 'epoch': torch.tensor(3)})
    assert type(found.meta['epoch']) is int
    assert 'best_acc' not in found.meta
    del found.meta['epoch']
    back = convert_back({'state_dict': found.state_dict, 'meta': found.meta})
    assert back['epoch'] == 0
    assert 'best_acc' not in back


def test_way_back_is_bitwise(dferclip_file, dferclip_state):
    found = convert(read_checkpoint(dferclip_file))
    back = convert_back({'state_dict': found.state_dict, 'meta': found.meta})
    assert back['epoch'] == 50
    assert back['best_acc'] == 71.25
    assert set(back['state_dict']) == {f'module.{name}' for name in dferclip_state}
    for name, value in dferclip_state.items():
        assert torch.equal(back['state_dict'][f'module.{name}'], value), name


def test_unnamed_classes_are_asked_for(dferclip_state):
    with pytest.raises(ConversionError, match='has 7 classes, but 11 were named'):
        convert(dferclip_state, classes='mafw')
    state = dict(dferclip_state)
    for name in ('ctx', 'token_prefix', 'token_suffix'):
        state[f'prompt_learner.{name}'] = state[f'prompt_learner.{name}'][:3]
    with pytest.raises(ConversionError, match='3 classes and does not name them'):
        convert(state)
    assert list(convert(state, classes=['a', 'b', 'c']).prompts) == ['a', 'b', 'c']


def drop(state):
    del state['temporal_net.cls_token'], state['clip_model_.ln_final.bias']


def add(state):
    for number in range(9):
        state[f'text_encoder.extra{number}'] = torch.zeros(1)


def swap(state):
    state['text_encoder.ln_post.bias'] = state.pop('text_encoder.ln_final.bias')


def tear(state):
    state['image_encoder.proj'] = state['image_encoder.proj'] + 1e-6


def reshape(state):
    state['clip_model_.visual.proj'] = torch.zeros(64, 512)


def strange_prompt(state):
    state['prompt_learner.token_suffix'] = state['prompt_learner.token_suffix'] + 1.0


def strange_start(state):
    state['prompt_learner.token_prefix'] = state['prompt_learner.token_prefix'] + 1.0


def lone_byte(state):
    """Token 125 is one byte of a character: no sentence gives it alone."""
    suffix = state['prompt_learner.token_suffix'].clone()
    suffix[2, 0] = state['clip_model_.token_embedding.weight'][125]
    state['prompt_learner.token_suffix'] = suffix


def flat_suffix(state):
    state['prompt_learner.token_suffix'] = torch.zeros(7, 128)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (drop, r'2 missing: .*temporal_net\.cls_token'),
        (add, r'9 left over: text_encoder\.extra0, .*, and 5 more'),
        (
            swap,
            r'1 missing: text_encoder\.ln_final\.bias; 1 left over: text_encoder\.ln_post\.bias',
        ),
        (tear, r'1 tensors .* stores twice differ .*: clip_model_\.visual\.proj'),
        (
            reshape,
            r'1 of another shape: clip_model_\.visual\.proj \(64, 512\) float32 instead of \(128,',
        ),
        (strange_prompt, 'prompt of class 0 matches no token at position 0'),
        (strange_start, 'token_prefix is not the embedded start token'),
        (lone_byte, r'prompt of class 2 reads .* does not give its \d+ tokens again'),
        (flat_suffix, r'and token_suffix \(7, 128\): expected'),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_damage_is_explained_in_one_sentence(dferclip_state, damage, message):
    state = dict(dferclip_state)
    damage(state)
    with pytest.raises(ConversionError, match=message) as caught:
        convert(state)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'holds a list'),
        ({'state_dict': [1]}, 'not a table of named tensors'),
        ({}, 'its 0 entries are none'),
        ({'model': 1, 'epoch': 2}, 'its 2 entries are model, epoch'),
        ({'visual.proj': torch.zeros(1)}, '^the file holds a CLIP, which needs no conversion'),
        (
            {'state_dict': {'backbone.conv.weight': torch.zeros(1), 'cls_head.fc.weight': 0}},
            '^the file is a checkpoint of an MMAction2 model already',
        ),
        # Half of what the one or the other kind is known by.
        ({'prompt_learner.ctx': 1}, '^the file is no checkpoint of .* are prompt_learner.ctx$'),
        ({'temporal_net.cls_token': 1}, 'its 1 entries are temporal_net.cls_token$'),
    ],
)
def test_other_files_are_recognised(content, message):
    with pytest.raises(ConversionError, match=message):
        convert(content)


def test_way_back_needs_what_the_conversion_noted(dferclip_state):
    found = convert(dferclip_state)
    with pytest.raises(ConversionError, match='only a converted checkpoint'):
        convert_back({'state_dict': found.state_dict, 'meta': {'epoch': 3}})
    meta = {'converted_from': 'DFER-CLIP'}
    with pytest.raises(ConversionError, match="lacks 'prompts'"):
        convert_back({'state_dict': found.state_dict, 'meta': meta})
    trained = {
        name: value
        for name, value in found.state_dict.items()
        if not name.startswith('cls_head.text_encoder.')
    }
    with pytest.raises(ConversionError, match='holds no text tower'):
        convert_back({'state_dict': trained, 'meta': found.meta})
    grown = {**found.state_dict, 'neck.extra': torch.zeros(1)}
    with pytest.raises(ConversionError, match=r'1 left over: neck\.extra'):
        convert_back({'state_dict': grown, 'meta': found.meta})
    torn = {name: value for name, value in found.state_dict.items() if name != 'neck.cls_token'}
    with pytest.raises(ConversionError, match=r'1 missing: temporal_net\.cls_token'):
        convert_back({'state_dict': torn, 'meta': found.meta})
    wordy = {**found.meta, 'prompts': ['smile ' * 99] * 7}
    with pytest.raises(ConversionError, match='tokens, but 71 are free'):
        convert_back({'state_dict': found.state_dict, 'meta': wordy})
