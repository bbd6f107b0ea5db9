"""Recorded attention against PyTorch's own, and rollouts against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm
import torch
from mmaction.models.backbones.vit_mae import VisionTransformer
from mmaction.registry import MODELS
from torch import nn

from dferclip_mm.explain.attention import frame_attention, record_attention, rollout
from dferclip_mm.explain.clip import Clip, UndefinedError
from dferclip_mm.models.necks import TemporalTransformer


def towers(tiny_clip: dict) -> dict[str, tuple[nn.Module, list[nn.Module], torch.Tensor]]:
    """Each kind of tower: the module, its attention, and an input."""
    neck = TemporalTransformer(32, 32, max_frames=5, depth=2, num_heads=2, head_dim=16)
    clip = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip))
    vit = timm.create_model('vit_tiny_patch16_224', img_size=32, depth=2, num_classes=0)
    video = VisionTransformer(img_size=32, depth=2, embed_dims=48, num_heads=4, num_frames=4)
    frames = torch.rand(3, 3, 32, 32)
    return dict(
        neck=(neck, [block.attn for block in neck.blocks], torch.randn(2, 5, 32)),
        clip=(clip, [block.attn for block in clip.visual.transformer.resblocks], frames),
        timm=(vit, [block.attn for block in vit.blocks], frames),
        videomae=(video, [block.attn for block in video.blocks], torch.rand(1, 3, 4, 32, 32)),
    )


def as_multihead(module: nn.Module, heads: int) -> nn.MultiheadAttention:
    """PyTorch's attention with the weights of a module that projects to q, k and v at once."""
    if isinstance(module, nn.MultiheadAttention):
        return module
    plain = nn.MultiheadAttention(module.qkv.in_features, heads, batch_first=True)
    bias = module.qkv.bias if module.qkv.bias is not None else torch.zeros_like(plain.in_proj_bias)
    plain.load_state_dict(
        dict(
            in_proj_weight=module.qkv.weight,
            in_proj_bias=bias,
            **{f'out_proj.{name}': value for name, value in module.proj.state_dict().items()},
        )
    )
    return plain


@pytest.mark.parametrize('kind', ['neck', 'clip', 'timm', 'videomae'])
def test_weights_are_those_of_pytorchs_attention_and_nothing_stays_behind(
    kind: str, tiny_clip: dict
) -> None:
    tower, modules, inputs = towers(tiny_clip)[kind]
    tower.eval()
    seen: list[torch.Tensor] = []
    expected = tower(inputs)
    expected = expected[0] if kind == 'neck' else expected
    handles = [
        module.register_forward_pre_hook(lambda _, args: seen.append(args[0])) for module in modules
    ]
    with record_attention(modules) as weights:
        found = tower(inputs)
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(found[0] if kind == 'neck' else found, expected)
    assert not any(module._forward_hooks for module in tower.modules())
    assert all(getattr(module, 'fused_attn', True) for module in modules)
    assert len(weights) == len(modules) == 2
    for module, x, recorded in zip(modules, seen, weights, strict=True):
        plain = as_multihead(module, module.num_heads)
        _, wanted = plain(x, x, x, need_weights=True, average_attn_weights=False)
        rows = recorded.shape[2]
        assert rows == (1 if kind == 'neck' and module is modules[-1] else x.shape[1])
        torch.testing.assert_close(recorded, wanted[:, :, :rows])


def test_rollout_by_hand() -> None:
    first = torch.tensor([[[0.5, 0.5], [0.0, 1.0]]])
    torch.testing.assert_close(rollout([first]), first)
    # The first token's row alone: 1.2 of (1.5, 0.5) and 0.8 of (0, 2), less itself.
    last = torch.tensor([[[0.2, 0.8]]])
    torch.testing.assert_close(rollout([first, last]), torch.tensor([[[0.8, 2.2]]]))


def test_attention_to_frames_is_the_class_tokens_row_of_each_head(model: Any, clip: Clip) -> None:
    weights, rollout = frame_attention(model, clip)
    assert weights.shape == (4, 2, 2)
    with torch.no_grad():
        features = model.backbone(clip.inputs.float() / 255)
        tokens = torch.cat([model.neck.cls_token[0], features]) + model.neck.pos_embed[0]
        found = []
        for block in model.neck.blocks:
            q, k, _ = block.attn.qkv(block.norm1(tokens)).view(5, 3, 2, 16).unbind(1)
            found.append((torch.einsum('qhd,khd->hqk', q, k) / 4).softmax(-1))
            tokens = block(tokens[None])[0]
    np.testing.assert_allclose(weights[:, 0], found[0][:, 0, 1:].T, rtol=1e-4)
    np.testing.assert_allclose(weights[:, 1], found[1][:, 0, 1:].T, rtol=1e-4)
    halves = [(each.mean(0) + torch.eye(5)) / 2 for each in found]
    expected = (halves[1] @ halves[0])[0, 1:]
    np.testing.assert_allclose(rollout / rollout.sum(), expected / expected.sum(), rtol=1e-4)


def test_attention_is_refused_where_no_class_token_is_read(tiny_model: dict, clip: Clip) -> None:
    for neck in (None, dict(tiny_model['neck'], pool='mean')):
        model = MODELS.build({**tiny_model, 'neck': neck}).eval()
        with pytest.raises(UndefinedError, match=r"pool='cls'.* found .* behind CLIPVisualEncoder"):
            frame_attention(model, clip)
