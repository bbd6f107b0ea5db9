import open_clip
import pytest
import torch

from dferclip_mm.converters import convert, convert_back, read_published
from dferclip_mm.emotions import CORPUS_CLASSES

NECKS = {
    'dferclip': dict(max_frames=16, depth=1, head_dim=64, mlp_dim=1024),
    'emoclip': dict(max_frames=1023, depth=2, head_dim=2048, mlp_dim=512),
}


@pytest.fixture
def state(request):
    """A state dict that may be changed."""
    return dict(request.getfixturevalue('dferclip_state'))


def back(found):
    return convert_back({'state_dict': found.state_dict, 'meta': found.meta})


@pytest.mark.parametrize('method', NECKS)
def test_everything_but_classes_and_position_is_inferred(method, request):
    found = convert(request.getfixturevalue(f'{method}_state'), context_position='middle')
    sizes = dict(in_channels=512, embed_dims=512, num_heads=8) | NECKS[method]
    assert found.model['neck'] == sizes
    tower, head = found.model['backbone'], found.model['cls_head']
    assert head.pop('text_encoder') == tower
    assert tower['pretrained'] is None
    vision = dict(image_size=224, layers=2, width=128, patch_size=32)
    assert tower['arch']['vision_cfg'] == vision
    assert tower['arch']['text_cfg']['heads'] == 2
    own = dict(
        classes=list(CORPUS_CLASSES['dfew']),
        context_position='middle',
        num_context=4,
        class_specific=True,
    )
    assert head == (own if method == 'dferclip' else {})


def test_a_context_that_the_classes_share_goes_both_ways(state):
    state['prompt_learner.ctx'] = state['prompt_learner.ctx'][0]
    found = convert(state)
    assert found.model['cls_head']['class_specific'] is False
    context = back(found)['state_dict']['module.prompt_learner.ctx']
    assert torch.equal(context, state['prompt_learner.ctx'])


def test_prompts_are_recovered_token_by_token(golden, dferclip_state):
    given = golden['dferclip']['middle_specific']['prompts']
    found = convert(dferclip_state).prompts
    assert found['happiness'] == (
        'corners of the mouth lifted into a grin , cheeks pushed up , eyes creased .'
    )
    expected, recovered = open_clip.tokenize(given), open_clip.tokenize(list(found.values()))
    assert torch.equal(expected, recovered)


def test_classes_are_named_by_their_number_or_asked_for(dferclip_state):
    def of(number):
        rows = torch.arange(number) % 7
        own = {name: value[rows] for name, value in dferclip_state.items() if 'prompt_l' in name}
        return {**dferclip_state, **own}

    assert tuple(convert(of(11)).prompts) == CORPUS_CLASSES['mafw']
    with pytest.raises(ValueError, match='has 7 classes, but 11 were named'):
        convert(dferclip_state, classes='mafw')
    with pytest.raises(ValueError, match='3 classes and does not name them'):
        convert(of(3))
    assert list(convert(of(3), classes=['a', 'b', 'c']).prompts) == ['a', 'b', 'c']


def test_way_back_is_bitwise(dferclip_file, dferclip_state):
    found = convert(read_published(dferclip_file))
    # Plain data: the file is read where only such is allowed.
    assert [type(found.meta[name]) for name in ('epoch', 'best_acc')] == [int, float]
    theirs = back(found)
    assert theirs['epoch'] == 50
    assert theirs['best_acc'] == 71.25
    assert set(theirs['state_dict']) == {f'module.{name}' for name in dferclip_state}
    for name, value in dferclip_state.items():
        assert torch.equal(theirs['state_dict'][f'module.{name}'], value), name


def test_emoclips_way_back_is_bitwise_with_both_scales(emoclip_state):
    published = {**emoclip_state, 'logit_scale': torch.tensor(4.0)}
    # As two wrappers name it.
    found = convert({f'module.module.{name}': value for name, value in published.items()})
    assert found.prompts is None
    assert found.state_dict['cls_head.logit_scale'] == 4.0
    assert found.meta['clip_logit_scale'] == emoclip_state['backbone.logit_scale'].item()
    theirs = back(found)
    assert set(theirs) == {f'module.{name}' for name in published}
    for name, value in published.items():
        assert torch.equal(theirs[f'module.{name}'], value), name


SUFFIX, START = 'prompt_learner.token_suffix', 'prompt_learner.token_prefix'


def drop(state):
    del state['temporal_net.cls_token'], state['clip_model_.ln_final.bias']


def add(state):
    state.update({f'text_encoder.extra{number}': torch.zeros(1) for number in range(9)})


def tear(state):
    state['image_encoder.proj'] = state['image_encoder.proj'] + 1e-6


def lone_byte(state):
    """Token 125 is one byte of a character: no sentence gives it alone."""
    state[SUFFIX] = state[SUFFIX].clone()
    state[SUFFIX][2, 0] = state['clip_model_.token_embedding.weight'][125]


def filled_padding(state):
    state[SUFFIX] = state[SUFFIX].clone()
    state[SUFFIX][1, -1] += 1


def replaced(name, value):
    return lambda state: state.update({name: value(state[name])})


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (drop, r'2 only in the model: .*temporal_net\.cls_token'),
        (add, r'9 only in the checkpoint: text_encoder\.extra0, .*, and 5 more'),
        (tear, r'1 tensors .* stores twice differ .*: clip_model_\.visual\.proj'),
        (
            replaced('clip_model_.visual.proj', lambda _: torch.zeros(64, 512)),
            r'1 of another shape .*: clip_model_\.visual\.proj \(64, 512\) against \(128,',
        ),
        (replaced(SUFFIX, lambda rows: rows + 1), 'prompt of class 0 .* not give its embedded'),
        (replaced(START, lambda rows: rows + 1), 'prompt of class 0 reads'),
        (lone_byte, 'prompt of class 2 reads'),
        (filled_padding, 'prompt of class 1 reads'),
        (replaced(SUFFIX, lambda _: torch.zeros(7, 128)), r'has the shape \(7, 128\) for prompt'),
        (replaced('prompt_learner.ctx', lambda _: torch.zeros(7)), r'has the shape \(7,\) for'),
    ],
)
def test_damage_is_explained_in_one_sentence(state, damage, message):
    damage(state)
    with pytest.raises(ValueError, match=message) as caught:
        convert(state)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'holds a list'),
        ({}, 'its 0 entries are none'),
        ({'model': 1, 'epoch': 2}, 'holds no state dict: model, epoch is no tensor'),
        ({'visual.proj': torch.zeros(1)}, '^the file holds a CLIP, which needs no conversion'),
        (
            {'state_dict': {'cls_head.fc.weight': torch.zeros(1)}},
            '^the file is a checkpoint of an MMAction2 model already',
        ),
        # Half of what a kind is known by.
        (
            {'prompt_learner.ctx': torch.zeros(1)},
            '^the file is no checkpoint of DFER-CLIP or EmoCLIP or Exp-CLIP: its 1 entries',
        ),
    ],
)
def test_other_files_are_recognised(content, message):
    with pytest.raises(match=message):
        convert(content)


@pytest.mark.parametrize(
    ('meta', 'weights', 'message'),
    [
        (dict(converted_from=None), {}, 'only a converted checkpoint'),
        (dict(prompts=None), {}, "lacks 'prompts'"),
        (
            {},
            {'cls_head.text_encoder.text.token_embedding.weight': None},
            'lacks .*token_embedding.*: give one that a conversion wrote, with its text tower',
        ),
        ({}, {'neck.extra': torch.zeros(1)}, r'no place in a published file: neck\.extra'),
        ({}, {'neck.cls_token': None}, r'1 only in the model: temporal_net\.cls_token'),
    ],
)
def test_way_back_needs_what_the_conversion_noted(dferclip_state, meta, weights, message):
    found = convert(dferclip_state)

    def changed(content, changes):
        return {name: value for name, value in {**content, **changes}.items() if value is not None}

    with pytest.raises(ValueError, match=message):
        convert_back(
            {'state_dict': changed(found.state_dict, weights), 'meta': changed(found.meta, meta)}
        )
