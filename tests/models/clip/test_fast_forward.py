"""The way through open_clip's Transformers: what is packed, and when open_clip's own is taken."""

import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.clip.fast_forward import groups_by_length, is_plain, pack, transform


@pytest.fixture
def tower(tiny_clip):
    return MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))


@pytest.fixture
def text(tiny_clip):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip, frozen=False))


@pytest.mark.parametrize(
    ('end', 'most', 'expected'),
    [
        ([3], 8, [[0]]),
        ([5, 3, 5, 4], 8, [[1], [3], [0, 2]]),
        ([9, 1, 8, 2], 2, [[1, 3], [2, 0]]),
        ([7, 7, 7], 1, [[0, 1, 2]]),
    ],
)
def test_sequences_of_similar_length_come_together(end, most, expected):
    assert groups_by_length(end, most) == expected


def test_nothing_behind_an_end_is_packed():
    sequences = torch.arange(3 * 4.0).view(3, 4, 1)
    tokens, layout = pack(sequences, [[1], [0, 2]], [2, 0, 3])
    assert tokens.flatten().tolist() == [4, 0, 1, 2, 3, 8, 9, 10, 11]
    assert layout.shapes == [(1, 1), (2, 4)]
    # Rows of the first, of the second and of the third sequence's end, in the groups' order.
    assert layout.read.tolist() == [0, 3, 8]
    assert layout.sees[0] is None
    assert layout.sees[1].flatten(1).tolist() == [[True, True, True, False], [True] * 4]


@pytest.mark.parametrize('most', [1, 2, 8])
def test_groups_answer_as_each_sequence_alone(text, most):
    transformer, end = text.text.transformer, [4, 9, 9, 2, 7, 1]
    x = torch.randn(6, 12, text.width)
    groups = groups_by_length(end, most)
    found = transform(transformer, *pack(x, groups, end))
    for row, index in enumerate(index for group in groups for index in group):
        alone = x[index : index + 1, : end[index] + 1]
        mask = text.text.attn_mask[: end[index] + 1, : end[index] + 1]
        expected = transformer(alone, attn_mask=mask)[0, -1]
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    'settings',
    [dict(quick_gelu=False), dict(vision_cfg=dict(ls_init_value=0.5))],
    ids=['GELU', 'layer scale'],
)
def test_other_activations_and_scales(tiny_clip, settings):
    tiny_clip['vision_cfg'].update(settings.pop('vision_cfg', {}))
    tiny_clip.update(settings)
    encoder = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))
    images = torch.randn(2, 3, 32, 32)
    assert is_plain(encoder.visual)
    torch.testing.assert_close(encoder(images), encoder.visual(images))


def test_the_way_is_not_open_clips(tower, monkeypatch):
    """Or the comparisons above would compare it with itself."""
    monkeypatch.setattr(tower.visual, 'forward', None)
    assert tower(torch.randn(1, 3, 32, 32)).shape == (1, 32)


@pytest.mark.parametrize(
    'place',
    ['', 'ln_post', 'transformer']
    + [f'transformer.resblocks.1{part}' for part in ('', '.attn', '.mlp.c_fc', '.ln_2')],
)
@pytest.mark.parametrize(
    'register',
    [
        'register_forward_hook',
        'register_forward_pre_hook',
        'register_full_backward_hook',
        'register_full_backward_pre_hook',
    ],
)
def test_who_looks_into_a_tower_sees_every_token_of_open_clips_own_pass(tower, place, register):
    """Class activation maps are drawn from the last block, and from all of its tokens."""
    images, seen = torch.randn(2, 3, 32, 32), []
    handle = getattr(tower.visual.get_submodule(place), register)(lambda *args: seen.append(1))
    assert not is_plain(tower.visual)
    expected = tower.visual(images)
    seen.clear()
    found = tower(images)
    found.sum().backward()
    assert len(seen) == 1
    torch.testing.assert_close(found, expected)
    handle.remove()
    assert is_plain(tower.visual)


def test_another_kind_of_part_is_open_clips_to_run(tower):
    class Adapted(torch.nn.MultiheadAttention):
        """As adapters put in the place of attention."""

        def forward(self, *args, **kwargs):
            answer, weights = super().forward(*args, **kwargs)
            return -3 * answer, weights

    images = torch.randn(2, 3, 32, 32)
    before = tower(images)
    tower.visual.transformer.resblocks[0].attn.__class__ = Adapted
    assert not is_plain(tower.visual)
    torch.testing.assert_close(tower(images), tower.visual(images))
    assert not torch.allclose(tower(images), before)
