"""Sizes are read from shapes alone, and shapes that no CLIP has are told."""

import pytest
import torch

from dferclip_mm.converters.infer_arch import clip_arch

SHAPES = {
    'image.conv1.weight': (128, 3, 16, 16),
    'image.positional_embedding': (5, 128),
    'image.proj': (128, 32),
    'text.positional_embedding': (7, 64),
    # More than nine blocks, of more than one tensor.
    **{
        f'{tower}.transformer.resblocks.{number}.ln_1.{kind}': (1,)
        for tower, depth in (('image', 12), ('text', 11))
        for number in range(depth)
        for kind in ('weight', 'bias')
    },
}


def arch_of(shapes):
    found = {name: shape for name, shape in shapes.items() if shape is not None}
    tensors = {name: torch.empty(shape, device='meta') for name, shape in found.items()}
    return clip_arch(tensors, 'image.', 'text.')


def test_all_sizes_are_read():
    assert arch_of(SHAPES) == dict(
        embed_dim=32,
        quick_gelu=True,
        vision_cfg=dict(image_size=32, layers=12, width=128, patch_size=16),
        text_cfg=dict(context_length=7, vocab_size=49408, width=64, heads=1, layers=11),
    )


@pytest.mark.parametrize(
    ('name', 'shape', 'message'),
    [
        ('image.conv1.weight', (0, 3, 16, 16), 'found vision width 0, text width 64 and 5 image'),
        ('text.positional_embedding', (7, 65), 'found vision width 128, text width 65'),
        ('image.positional_embedding', (1, 128), 'and 1 image positions'),
        ('image.proj', (128,), r'has the shape \(128,\) for image\.proj, from whose 2 dimensions'),
        ('image.proj', None, r'has no tensor image\.proj, from whose 2 dimensions'),
    ],
)
def test_shapes_that_no_clip_has_are_refused(name, shape, message):
    with pytest.raises(match=message):
        arch_of({**SHAPES, name: shape})
