import torch
from mmaction.registry import MODELS
from torch import nn


def encoder_of(arch, **adapter):
    return MODELS.build(dict(type='CLIPVisualEncoder', arch=arch, adapter=adapter))


def test_an_adapter_follows_its_formula_on_what_a_block_adds(tiny_clip):
    block = encoder_of(tiny_clip, dim=4).eval().visual.transformer.resblocks[0]
    for adapter in (block.ls_1, block.ls_2):
        nn.init.normal_(adapter.adapter_up.weight)
        nn.init.normal_(adapter.adapter_up.bias)
    x = torch.randn(2, 5, block.ln_1.normalized_shape[0])

    def adapt(adapter, added):
        down, up = adapter.adapter_down, adapter.adapter_up
        hidden = nn.functional.gelu(added @ down.weight.T + down.bias)
        return added + hidden @ up.weight.T + up.bias

    normed = block.ln_1(x)
    after = x + adapt(block.ls_1, block.attn(normed, normed, normed, need_weights=False)[0])
    expected = after + adapt(block.ls_2, block.mlp(block.ln_2(after)))
    torch.testing.assert_close(block(x), expected)


def test_adapters_of_the_chosen_blocks_are_trained_and_nothing_else(tiny_clip):
    encoder = encoder_of(tiny_clip, dim=4, layers=[-1]).train()
    for name, weight in encoder.named_parameters():
        nn.init.normal_(weight) if 'adapter_up' in name else None
    encoder(torch.randn(3, 3, 32, 32)).square().sum().backward()
    trained = {name.rpartition('.')[0] for name, _ in encoder.named_parameters()}
    stem = 'visual.transformer.resblocks.1'
    assert trained == {f'{stem}.ls_{n}.adapter_{way}' for n in (1, 2) for way in ('down', 'up')}
    assert all(weight.grad.abs().sum() > 0 for weight in encoder.parameters())
