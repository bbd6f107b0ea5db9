import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

TOWERS = {'CLIPVisualEncoder': 'visual', 'CLIPTextEncoder': 'text'}


def encoder_of(arch, kind='CLIPVisualEncoder', **kwargs):
    return MODELS.build(dict(type=kind, arch=arch, **kwargs))


def inputs_of(kind):
    if kind == 'CLIPVisualEncoder':
        return torch.randn(3, 3, 32, 32)
    return torch.tensor([[49406, 5, 9, 49407, 0], [49406, 7, 49407, 0, 0]])


def fill(encoder):
    """Adapters as after some training: what they add is no longer zero."""
    for name, weight in encoder.named_parameters():
        nn.init.normal_(weight, std=0.3) if 'adapter_up' in name else None
    return encoder.eval()


@pytest.mark.parametrize('kind', TOWERS)
def test_a_tower_with_new_adapters_equals_the_frozen_one_bitwise(tiny_clip, tiny_weights, kind):
    settings = dict(arch=tiny_clip, kind=kind, pretrained=tiny_weights)
    x = inputs_of(kind)
    adapted = encoder_of(**settings, adapter=dict(dim=4))
    assert torch.equal(encoder_of(**settings, frozen=True)(x), adapted(x))


def test_an_adapter_follows_its_formula_on_what_a_block_adds(tiny_clip):
    block = fill(encoder_of(tiny_clip, adapter=dict(dim=4))).visual.transformer.resblocks[0]
    x = torch.randn(2, 5, block.ln_1.normalized_shape[0])

    def adapt(adapter, added):
        down, up = adapter.adapter_down, adapter.adapter_up
        hidden = nn.functional.gelu(added @ down.weight.T + down.bias)
        return added + hidden @ up.weight.T + up.bias

    normed = block.ln_1(x)
    after = x + adapt(block.ls_1, block.attn(normed, normed, normed, need_weights=False)[0])
    expected = after + adapt(block.ls_2, block.mlp(block.ln_2(after)))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize('kind', TOWERS)
def test_the_fast_forward_of_adapters_equals_open_clips_own(tiny_clip, kind):
    encoder = fill(encoder_of(tiny_clip, kind, adapter=dict(dim=4)))
    x = inputs_of(kind)
    tower = getattr(encoder, TOWERS[kind])
    torch.testing.assert_close(
        encoder(x), tower(nn.functional.pad(x, (0, 72)) if kind == 'CLIPTextEncoder' else x)
    )


@pytest.mark.parametrize('saving', [{}, {'checkpoint_mlp': True}, {'grad_checkpointing': True}])
def test_adapters_of_the_chosen_blocks_are_trained_and_nothing_else(tiny_clip, saving):
    encoder = fill(encoder_of(tiny_clip, adapter=dict(dim=4, layers=[-1]), **saving)).train()
    encoder(inputs_of('CLIPVisualEncoder')).square().sum().backward()
    trained = {name.rpartition('.')[0] for name, _ in encoder.named_parameters()}
    stem = 'visual.transformer.resblocks.1'
    assert trained == {f'{stem}.ls_{n}.adapter_{way}' for n in (1, 2) for way in ('down', 'up')}
    assert all(weight.grad.abs().sum() > 0 for weight in encoder.parameters())


@pytest.mark.parametrize('kind', TOWERS)
def test_a_checkpoint_holds_the_adapters_and_names_its_base(tiny_clip, tiny_weights, kind):
    # Beside updates of LoRA, which have names of their own.
    both = dict(adapter=dict(dim=4), lora=dict(rank=2))
    settings = dict(arch=tiny_clip, kind=kind, pretrained=tiny_weights, **both)
    encoder = fill(encoder_of(**settings))
    state = encoder.state_dict()
    small = {name for name, _ in encoder.named_parameters()}
    assert set(state) == {f'{TOWERS[kind]}_fingerprint', *small}
    loaded = encoder_of(**settings).eval()
    loaded.load_state_dict(state)
    x = inputs_of(kind)
    assert torch.equal(loaded(x), encoder(x))
    with pytest.raises(ValueError, match='does not fit this CLIP'):
        encoder_of(tiny_clip, kind, pretrained=tiny_weights, frozen=True).load_state_dict(state)


def test_a_checkpoint_with_the_base_overwrites_it_below_the_adapters(tiny_clip, tiny_weights):
    encoder = encoder_of(tiny_clip, pretrained=tiny_weights, adapter=dict(dim=4))
    whole = encoder_of(tiny_clip).state_dict()
    encoder.load_state_dict({**encoder.state_dict(), **whole})
    frozen = encoder_of(tiny_clip, pretrained=tiny_weights, frozen=True)
    frozen.load_state_dict(whole)
    assert torch.equal(encoder.visual_fingerprint, frozen.visual_fingerprint)


@pytest.mark.parametrize(
    ('adapter', 'message'),
    [
        (dict(dim=0), 'adapter.dim=0'),
        (dict(dim=4, layers=[2]), 'adapter.layers has 2: this tower has blocks 0 to 1'),
    ],
    ids=str,
)
def test_an_invalid_setting_is_refused(tiny_clip, adapter, message):
    with pytest.raises(ValueError, match=message):
        encoder_of(tiny_clip, adapter=adapter)


def test_a_tower_with_layer_scales_is_refused(tiny_clip):
    tiny_clip['vision_cfg']['ls_init_value'] = 0.1
    with pytest.raises(ValueError, match='blocks without layer scales'):
        encoder_of(tiny_clip, adapter=dict(dim=4))
