import open_clip
import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.clip.fast_forward import encode_causal, is_standard, pack


@pytest.fixture
def tower(tiny_clip):
    return MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))


@pytest.fixture
def text(tiny_clip):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip, frozen=False))


def test_tokens_behind_an_end_are_not_packed():
    sequences = torch.arange(3 * 4.0).view(3, 4, 1)
    tokens, layout, order = pack(sequences, [2, 0, 2])
    assert tokens.flatten().tolist() == [4, 0, 1, 2, 8, 9, 10]
    assert order == [1, 0, 2]
    assert layout.shapes == [(1, 1), (2, 3)]
    # The rows of the three ends.
    assert layout.read.tolist() == [0, 3, 6]


def test_sequences_of_different_lengths_are_encoded_as_each_one_is(text):
    transformer, end = text.text.transformer, [4, 9, 9, 2, 7, 1]
    x = torch.randn(6, 12, text.width)
    found = encode_causal(transformer, x, end)
    for row, sequence, last in zip(found, x, end, strict=True):
        mask = text.text.attn_mask[: last + 1, : last + 1]
        expected = transformer(sequence[None, : last + 1], attn_mask=mask)[0, -1]
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    'settings',
    [dict(quick_gelu=False), dict(vision_cfg=dict(ls_init_value=0.5))],
    ids=['GELU', 'layer scale'],
)
def test_other_activations_and_layer_scales_are_supported(tiny_clip, settings):
    tiny_clip['vision_cfg'].update(settings.pop('vision_cfg', {}))
    tiny_clip.update(settings)
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))
    images = torch.randn(2, 3, 32, 32)
    assert is_standard(encoder.visual)
    torch.testing.assert_close(encoder(images), encoder.visual(images))


def test_the_fast_forward_is_not_open_clips(tower, monkeypatch):
    monkeypatch.setattr(tower.visual, 'forward', None)
    assert tower(torch.randn(1, 3, 32, 32)).shape == (1, 32)


@pytest.mark.parametrize('name', ['', 'transformer.resblocks.1.attn'])
@pytest.mark.parametrize(
    'register',
    [
        'register_forward_hook',
        'register_forward_pre_hook',
        'register_full_backward_hook',
        'register_full_backward_pre_hook',
    ],
)
def test_a_tower_with_a_hook_runs_open_clips_own_forward(tower, name, register):
    """Class activation maps are drawn from the last block, and from all of its tokens."""
    images, seen = torch.randn(2, 3, 32, 32), []
    handle = getattr(tower.visual.get_submodule(name), register)(lambda *args: seen.append(1))
    assert not is_standard(tower.visual)
    expected = tower.visual(images)
    seen.clear()
    found = tower(images)
    found.sum().backward()
    assert len(seen) == 1
    torch.testing.assert_close(found, expected)
    handle.remove()
    assert is_standard(tower.visual)


def test_a_text_tower_with_a_hook_runs_open_clips_own_forward(text):
    tokens, seen = open_clip.tokenize(['a smile', 'raised brows and open eyes']), []
    expected = text(tokens)
    text.text.transformer.register_forward_hook(lambda *args: seen.append(1))
    torch.testing.assert_close(text(tokens), expected)
    assert seen == [1]


def test_a_text_tower_that_is_not_causal_is_refused(tiny_clip):
    tiny_clip['text_cfg']['no_causal_mask'] = True
    with pytest.raises(ValueError, match='has no causal text tower'):
        MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip))


def test_a_tower_with_another_attention_runs_open_clips_own_forward(tower):
    class Adapted(torch.nn.MultiheadAttention):
        """As adapters replace attention."""

        def forward(self, *args, **kwargs):
            answer, weights = super().forward(*args, **kwargs)
            return -3 * answer, weights

    images = torch.randn(2, 3, 32, 32)
    before = tower(images)
    tower.visual.transformer.resblocks[0].attn.__class__ = Adapted
    assert not is_standard(tower.visual)
    torch.testing.assert_close(tower(images), tower.visual(images))
    assert not torch.allclose(tower(images), before)
