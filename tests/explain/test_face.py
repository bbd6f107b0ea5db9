"""Where relevance falls, on small models whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mixing import FRAMES, HEAD, NECK, ROWS, mixed
from mmaction.registry import MODELS
from torch import nn

from dferclip_mm.explain.attention import record_attention
from dferclip_mm.explain.clip import Clip, UndefinedError, class_logits
from dferclip_mm.explain.face import patch_relevance


@MODELS.register_module()
class FlatMap(nn.Module):
    """A map of two channels, 4 x 4, flattened or averaged, and projected to 32 dimensions."""

    def __init__(self, averaged: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 8, stride=8)
        self.pool = nn.AdaptiveAvgPool2d(1) if averaged else nn.Identity()
        self.proj = nn.Linear(2 if averaged else 32, 32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (N, 32)."""
        return self.proj(self.pool(self.conv(images)).flatten(1))


def gradient_and_map(model: Any, clip: Clip, label: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The map of `FlatMap`, and the gradient of the class's logit less their mean."""
    features = model.backbone.conv(clip.inputs.float() / 255).detach().requires_grad_()
    vectors = model.backbone.proj(model.backbone.pool(features).flatten(1))
    logits = model.cls_head(model.neck(vectors[None])[0])[0]
    score = logits[label] - logits.mean()
    return torch.autograd.grad(score, features)[0], features.detach()


@pytest.mark.parametrize('averaged', [False, True])
def test_relevance_of_a_map_is_its_product_with_the_gradient(
    tiny_model: dict, clip: Clip, averaged: bool
) -> None:
    tiny_model['backbone'] = dict(type='FlatMap', averaged=averaged)
    model = MODELS.build(tiny_model).eval()
    found = patch_relevance(model, clip, 3)
    gradient, features = gradient_and_map(model, clip, 3)
    np.testing.assert_allclose(found, (gradient * features).sum(1).clamp(min=0), atol=1e-5)
    if averaged:
        # Grad-CAM: the mean of a channel's gradient weighs it.
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        np.testing.assert_allclose(found, (weights * features).sum(1).clamp(min=0), atol=1e-5)


def test_relevance_of_clips_patches_is_the_rollout_without_its_class_token(
    model: Any, clip: Clip
) -> None:
    found = patch_relevance(model, clip, 1)
    blocks = model.backbone.visual.transformer.resblocks
    with record_attention([block.attn for block in blocks]) as weights:
        logits = class_logits(model, clip.inputs[None])[0]
        score = logits[1] - logits.mean()
    first, last = (
        (each * gradient).clamp(min=0).mean(1)
        for each, gradient in zip(weights, torch.autograd.grad(score, weights), strict=True)
    )
    # The class token's row, of what it takes from the patches, and of what these took before.
    tokens = first + last + last @ first
    np.testing.assert_allclose(found, tokens[:, 0, 1:].detach().reshape(4, 2, 2), rtol=1e-4)
    # Without values, attention changes nothing.
    with torch.no_grad():
        for block in blocks:
            block.attn.in_proj_weight[128:] = 0
            block.attn.in_proj_bias[128:] = 0
    with pytest.raises(UndefinedError, match='that a gradient of the class reaches'):
        patch_relevance(model, clip, 1)


@pytest.mark.parametrize(
    'setting',
    [
        dict(frozen=True),
        dict(grad_checkpointing=True),
        dict(lora=dict(rank=2)),
        dict(adapter=dict(dim=4)),
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_how_a_tower_was_trained_does_not_change_its_relevance(
    tiny_model: dict, clip: Clip, setting: dict
) -> None:
    plain = MODELS.build(tiny_model).eval()
    backbone = dict(tiny_model['backbone'], **setting)
    other = MODELS.build({**tiny_model, 'backbone': backbone}).eval()
    weights = dict(plain.state_dict())
    for name in other.state_dict():
        # LoRA keeps a layer's own weight under another name, and adds nothing before training.
        own = name.replace('parametrizations.', '').removesuffix('.original')
        weights[name] = weights.pop(own, other.state_dict()[name])
    other.load_state_dict(weights)
    expected = patch_relevance(plain, clip, 2)
    np.testing.assert_allclose(patch_relevance(other, clip, 2), expected, rtol=1e-3)
    assert all(value.grad is None for value in plain.parameters())


def test_a_chosen_layer_gives_its_own_map_and_a_missing_one_is_named(
    tiny_model: dict, clip: Clip
) -> None:
    tiny_model['backbone'] = dict(type='timm.resnet18')
    tiny_model['neck']['in_channels'] = 512
    model = MODELS.build(tiny_model).eval()
    assert patch_relevance(model, clip, 0, layer='layer1').shape == (4, 8, 8)
    with pytest.raises(ValueError, match=r"no layer 'layer9'; did you mean layer\d"):
        patch_relevance(model, clip, 0, layer='layer9')
    with pytest.raises(UndefinedError, match='ResNet has no map of features'):
        patch_relevance(model, clip, 0, layer='fc')


def test_a_resnet_of_clip_is_explained_by_the_map_that_its_pool_reads(
    tiny_model: dict, tiny_clip: dict, clip: Clip
) -> None:
    tiny_clip['vision_cfg'].update(layers=[1, 1, 1, 1], width=64, image_size=64)
    tiny_model['backbone'] = dict(type='CLIPVisualEncoder', arch=tiny_clip)
    model = MODELS.build(tiny_model).eval()
    inputs = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    found = patch_relevance(model, clip._replace(inputs=inputs), 1)
    assert found.shape == (4, 2, 2)
    assert found.max() > 0


MIXED = {
    ('SlowFast, ResNet-50', NECK): (32, 2, 2),
    ('VideoMAE, ViT-B/16', HEAD): (16, 2, 2),
    ('VideoMAE, return_feat_map=True', NECK): (16, 2, 2),
    ('timm.vit_tiny_patch16_224', FRAMES): (3, 4, 4),
    ('timm.swin_tiny_patch4_window7_224', FRAMES): (3, 2, 2),
    ('TimeSformer, divided', HEAD): None,
}


@pytest.mark.parametrize(('family', 'way'), MIXED)
def test_other_backbones_are_explained_or_refused_in_a_sentence(family: str, way: str) -> None:
    (row,) = (row for row in ROWS if row.family == family)
    model = MODELS.build(mixed(row, way)).eval()
    inputs = torch.randint(0, 256, (row.frames, 3, row.size, row.size), dtype=torch.uint8)
    clip = Clip('noise', inputs, np.arange(row.frames))
    shape = MIXED[family, way]
    if shape is None:
        with pytest.raises(UndefinedError, match='TimeSformer has no map of features'):
            patch_relevance(model, clip, 2)
    else:
        found = patch_relevance(model, clip, 2)
        assert (found.shape, found.dtype) == (shape, np.float32)
        assert found.min() >= 0


def colored_patches(count: int, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Clips of noise with one of 16 patches in red, green or blue; their colours and places."""
    clips = rng.integers(60, 200, (count, 1, 3, 32, 32)).astype(np.uint8)
    colors, places = rng.integers(3, size=count), rng.integers(16, size=count)
    for clip, color, place in zip(clips, colors, places, strict=True):
        row, column = 8 * (place // 4), 8 * (place % 4)
        clip[:, :, row : row + 8, column : column + 8] = 255 * np.eye(3)[color][:, None, None]
    return torch.from_numpy(clips), torch.from_numpy(colors), torch.from_numpy(places)


def test_relevance_of_a_trained_transformer_falls_on_the_patch_that_decides(
    tiny_model: dict, tiny_clip: dict
) -> None:
    tiny_clip['vision_cfg']['patch_size'] = 8
    prompts = ['red', 'green', 'blue']
    backbone = dict(type='CLIPVisualEncoder', arch=tiny_clip)
    tiny_model.update(num_frames=1, neck=None, backbone=backbone)
    tiny_model['data_preprocessor'].update(mean=[128] * 3, std=[64] * 3)
    head = dict(classes=prompts, prompts=prompts, num_context=0, logit_scale=100.0)
    tiny_model['cls_head'].update(head)
    model = MODELS.build(tiny_model)
    rng = np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(80):
        clips, colors, _ = colored_patches(32, rng)
        logits = model((clips.float() - 128) / 64, stage='head')
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, colors).backward()
        optimizer.step()
    model.eval()
    hits, shares = [], []
    for clip, color, place in zip(*colored_patches(30, rng), strict=True):
        found = patch_relevance(model, Clip('noise', clip, np.arange(1)), int(color)).ravel()
        hits.append(found.argmax() == place)
        shares.append(found[place] / found.sum())
    # By chance a sixteenth.
    assert np.mean(hits) > 0.4
    assert np.mean(shares) > 0.3
