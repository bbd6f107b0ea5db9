import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS


def build(**kwargs):
    return MODELS.build(dict(type='TemporalTransformer', **kwargs))


def plain_forward(neck, x):
    """The same block written out with explicit softmax, for one head at a time."""
    x = (
        torch.cat([neck.cls_token.expand(len(x), -1, -1), x], 1)
        + neck.pos_embed[:, : x.shape[1] + 1]
    )
    for block in neck.blocks:
        y = block.norm1(x)
        heads, width = block.attn.num_heads, block.attn.proj.in_features // block.attn.num_heads
        q, k, v = (block.attn.qkv(y)).chunk(3, dim=-1)
        answers = []
        for h in range(heads):
            part = slice(h * width, (h + 1) * width)
            scores = q[..., part] @ k[..., part].transpose(1, 2) / width**0.5
            answers.append(scores.softmax(-1) @ v[..., part])
        x = x + block.attn.proj(torch.cat(answers, -1))
        y = block.norm2(x)
        x = x + block.mlp[2](F.gelu(block.mlp[0](y), approximate='tanh'))
    return x


@pytest.mark.parametrize('frames', [1, 3, 6])
def test_the_attention_equals_a_plain_one(frames):
    neck = build(in_channels=12, embed_dims=12, max_frames=6, depth=2, num_heads=3, head_dim=8)
    x = torch.randn(2, frames, 12)
    feature, losses = neck(x)
    assert losses == {}
    torch.testing.assert_close(feature, plain_forward(neck, x)[:, 0])


def test_pooling_averages_over_frames():
    sizes = dict(in_channels=12, embed_dims=12, max_frames=6, num_heads=3, head_dim=4)
    x = torch.randn(2, 6, 12)
    for pool, reduce in (('mean', lambda y: y.mean(1)), ('max', lambda y: y.amax(1))):
        neck = build(pool=pool, **sizes)
        torch.testing.assert_close(neck(x)[0], reduce(plain_forward(neck, x)[:, 1:]))


@pytest.mark.parametrize(
    ('shape', 'message'),
    [((1, 5, 12), 'set neck.max_frames=5'), ((1, 4, 16), 'set neck.in_channels=16')],
)
def test_sizes_that_do_not_fit_are_explained(shape, message):
    neck = build(in_channels=12, embed_dims=12, max_frames=4, num_heads=3, head_dim=4)
    with pytest.raises(ValueError, match=message):
        neck(torch.randn(shape))


def test_unknown_pooling_is_explained():
    with pytest.raises(ValueError, match="pool='avg': expected one of cls, mean, max"):
        build(pool='avg')
