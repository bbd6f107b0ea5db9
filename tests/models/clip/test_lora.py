import copy

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from dferclip_mm.models.clip.lora import merge_lora

TOWERS = {'CLIPVisualEncoder': 'visual', 'CLIPTextEncoder': 'text'}
# What holds for both kinds of small weights.
SMALL = [
    dict(lora=dict(rank=4)),
    dict(adapter=dict(dim=4)),
    dict(lora={'rank': 4}, adapter={'dim': 4}),
]


def encoder_of(arch, kind='CLIPVisualEncoder', **kwargs):
    return MODELS.build(dict(type=kind, arch=arch, **kwargs))


def inputs_of(kind):
    if kind == 'CLIPVisualEncoder':
        return torch.randn(3, 3, 32, 32)
    return torch.tensor([[49406, 5, 9, 49407, 0], [49406, 7, 49407, 0, 0]])


def fill(encoder):
    """As after some training: B of the updates, W_up of the adapters are no longer zero."""
    for name, weight in encoder.named_parameters():
        if name.endswith(('lora_b', 'adapter_up.weight')):
            nn.init.normal_(weight, std=0.3)
    return encoder.eval()


@pytest.mark.parametrize('small', SMALL)
@pytest.mark.parametrize('kind', TOWERS)
def test_a_tower_with_new_weights_equals_the_frozen_one_bitwise(
    tiny_clip, tiny_weights, kind, small
):
    settings = dict(arch=tiny_clip, kind=kind, pretrained=tiny_weights)
    plain = encoder_of(**settings, frozen=True)
    updated = encoder_of(**settings, **small)
    x = inputs_of(kind)
    assert torch.equal(plain(x), updated(x))


@pytest.mark.parametrize('kind', TOWERS)
def test_the_update_is_alpha_over_rank_times_b_times_a(tiny_clip, kind):
    tower = getattr(encoder_of(tiny_clip, kind, lora=dict(rank=2, alpha=6)), TOWERS[kind])
    attn = tower.transformer.resblocks[1].attn
    fill(tower)
    update = attn.parametrizations.in_proj_weight
    a, b = update[0].lora_a, update[0].lora_b
    for index, part in enumerate((attn.in_proj_weight - update.original).chunk(3)):
        torch.testing.assert_close(part, 3 * b[index] @ a[index])
    linear = tower.transformer.resblocks[0].mlp.c_fc
    update = linear.parametrizations.weight
    expected = update.original + 3 * update[0].lora_b[0] @ update[0].lora_a[0]
    torch.testing.assert_close(linear.weight, expected)


def test_parts_without_an_update_keep_their_weight(tiny_clip):
    encoder = fill(encoder_of(tiny_clip, lora=dict(rank=2, targets=['q', 'v'], layers=[-1])))
    first, last = encoder.visual.transformer.resblocks
    assert not list(first.parameters())
    before = last.attn.parametrizations.in_proj_weight.original.chunk(3)
    q, k, v = (
        torch.equal(*pair) for pair in zip(last.attn.in_proj_weight.chunk(3), before, strict=True)
    )
    assert (q, k, v) == (False, True, False)


@pytest.mark.parametrize('small', SMALL)
@pytest.mark.parametrize('kind', TOWERS)
def test_the_fast_forward_equals_open_clips_own(tiny_clip, kind, small):
    encoder = fill(encoder_of(tiny_clip, kind, **small))
    x = inputs_of(kind)
    tower = getattr(encoder, TOWERS[kind])
    torch.testing.assert_close(
        encoder(x), tower(nn.functional.pad(x, (0, 72)) if kind == 'CLIPTextEncoder' else x)
    )


@pytest.mark.parametrize('kind', TOWERS)
def test_merged_updates_give_the_same_features_in_plain_weights(tiny_clip, kind):
    encoder = fill(encoder_of(tiny_clip, kind, lora=dict(rank=4)))
    x = inputs_of(kind)
    before = encoder(x)
    merged = merge_lora(copy.deepcopy(encoder))
    torch.testing.assert_close(merged(x), before, rtol=0, atol=1e-5)
    assert set(merged.state_dict()) == set(encoder_of(tiny_clip, kind, frozen=True).state_dict())


@pytest.mark.parametrize('small', SMALL)
@pytest.mark.parametrize('kind', TOWERS)
def test_a_checkpoint_holds_the_small_weights_and_names_its_base(
    tiny_clip, tiny_weights, kind, small
):
    settings = dict(arch=tiny_clip, kind=kind, pretrained=tiny_weights, **small)
    encoder = fill(encoder_of(**settings))
    state = encoder.state_dict()
    name = TOWERS[kind]
    assert f'{name}_fingerprint' in state
    others = set(state) - {f'{name}_fingerprint'}
    assert others == {key for key, _ in encoder.named_parameters()}
    assert all('lora_' in key or 'adapter_' in key for key in others)
    loaded = encoder_of(**settings).eval()
    loaded.load_state_dict(state)
    x = inputs_of(kind)
    assert torch.equal(loaded(x), encoder(x))


@pytest.mark.parametrize('small', SMALL)
def test_small_weights_do_not_load_into_a_tower_without_them(tiny_clip, tiny_weights, small):
    state = encoder_of(tiny_clip, pretrained=tiny_weights, **small).state_dict()
    plain = encoder_of(tiny_clip, pretrained=tiny_weights, frozen=True)
    with pytest.raises(ValueError, match='does not fit this CLIP'):
        plain.load_state_dict(state)


@pytest.mark.parametrize('small', SMALL)
def test_a_checkpoint_with_the_base_overwrites_it_below_the_small_weights(
    tiny_clip, tiny_weights, small
):
    encoder = fill(encoder_of(tiny_clip, pretrained=tiny_weights, **small))
    whole = encoder_of(tiny_clip).state_dict()
    encoder.load_state_dict({**encoder.state_dict(), **whole})
    first = encoder.visual.transformer.resblocks[0].mlp.c_fc
    weight = first.parametrizations.weight.original if 'lora' in small else first.weight
    assert torch.equal(weight, whole['visual.transformer.resblocks.0.mlp.c_fc.weight'])
    frozen = encoder_of(tiny_clip, pretrained=tiny_weights, frozen=True)
    frozen.load_state_dict(whole)
    assert torch.equal(encoder.visual_fingerprint, frozen.visual_fingerprint)


@pytest.mark.parametrize('saving', ['checkpoint_mlp', 'grad_checkpointing'])
def test_recomputed_activations_repeat_the_dropout(tiny_clip, saving):
    gradients = []
    for options in ({}, {saving: True}):
        torch.manual_seed(0)
        encoder = encoder_of(tiny_clip, lora=dict(rank=4, dropout=0.5), **options)
        fill(encoder).train()
        images = torch.randn(2, 3, 32, 32)
        torch.manual_seed(1)
        encoder(images).square().sum().backward()
        gradients.append([weight.grad for weight in encoder.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_dropout_is_on_in_training_alone(tiny_clip):
    encoder = fill(encoder_of(tiny_clip, lora=dict(rank=4, dropout=0.5)))
    x = inputs_of('CLIPVisualEncoder')
    assert torch.equal(encoder(x), encoder(x))
    encoder.train()
    assert not torch.equal(encoder(x), encoder(x))


@pytest.mark.parametrize(
    ('width', 'layers', 'expected'), [(768, 12, 1_327_104), (1024, 24, 3_538_944)]
)
def test_rank_8_has_as_many_weights_as_published(width, layers, expected):
    """1.33 M in ViT-B/16 and 3.54 M in ViT-L/14 (CLAIP-Emo)."""
    vision = dict(image_size=32, patch_size=16, width=width, layers=layers)
    text = dict(context_length=8, vocab_size=8, width=8, heads=1, layers=1)
    clip = dict(embed_dim=8, vision_cfg=vision, text_cfg=text)
    with torch.device('meta'):
        encoder = encoder_of(clip, lora=dict(rank=8))
    assert sum(weight.numel() for weight in encoder.parameters()) == expected


RESNET = dict(image_size=32, layers=[1, 1, 1, 1], width=8)


@pytest.mark.parametrize(
    ('small', 'vision', 'message'),
    [
        (dict(lora=dict(rank=0)), {}, 'lora.rank=0'),
        (dict(lora=dict(rank=2, dropout=1)), {}, 'a dropout from 0 and below 1'),
        (
            dict(lora=dict(rank=2, targets=['q', 'w'])),
            {},
            'expected some of q, k, v, out, fc1, fc2',
        ),
        (dict(lora=dict(rank=2, layers=[2])), {}, 'lora.layers has 2: .* has blocks 0 to 1'),
        (dict(lora=dict(rank=2)), RESNET, "lora is for open_clip's Transformers, found Modif"),
        (dict(checkpoint_mlp=True), RESNET, "checkpoint_mlp is for open_clip's Transformers"),
        (dict(adapter=dict(dim=0)), {}, 'adapter.dim=0'),
        (dict(adapter=dict(dim=4)), dict(ls_init_value=0.1), 'blocks without layer scales'),
    ],
    ids=str,
)
def test_an_invalid_setting_is_refused(tiny_clip, small, vision, message):
    tiny_clip['vision_cfg'] = vision if 'layers' in vision else tiny_clip['vision_cfg'] | vision
    with pytest.raises(ValueError, match=message):
        encoder_of(tiny_clip, **small)
