from __future__ import annotations

from typing import Any

import open_clip
from mmaction.registry import MODELS
from mmengine.config import ConfigDict

from dferclip_mm.engine.complexity import count, without_weights


def test_weights_and_operations_are_those_of_the_parts(
    tiny_model: dict[str, Any], tiny_clip: dict[str, Any]
) -> None:
    model = MODELS.build(tiny_model).eval()
    rows = {name: numbers for name, *numbers in count(model, (4, 3, 32, 32))}
    names = ['FrameRecognizer', 'backbone', 'neck', 'cls_head']
    assert [*rows] == names
    whole, *parts = rows.values()
    assert whole == [sum(part) for part in zip(*parts, strict=True)]
    assert rows['cls_head'][0] == sum(each.numel() for each in model.cls_head.parameters())
    # The frozen text encoder, as open_clip builds it; more: logit scale, context's places, mask.
    clip = open_clip.CLIP(**tiny_clip)
    text = sum(each.numel() for each in clip.parameters())
    text -= sum(each.numel() for each in clip.visual.parameters()) + 1
    assert 0 <= rows['cls_head'][1] - text <= 77 * 77 + 100
    # 2 operations for each weight and token: keys and values of a class token and 4 frames; of the
    # class token alone the query, the projection, and two layers of 64; 2 heads of 16 attend.
    attention = 2 * 2 * 2 * 5 * 16
    assert rows['neck'][2] == 2 * (5 * 2 * 32 * 32 + 2 * 32 * 32 + 2 * 32 * 64) + attention
    # Similarity with 7 texts.
    assert rows['cls_head'][2] == 2 * 7 * 32


def test_no_part_of_a_model_loads_weights() -> None:
    settings = ConfigDict(
        backbone=dict(pretrained='openai', arch=dict(init_cfg='x')),
        cls_head=dict(text_encoder=dict(pretrained='openai')),
    )
    found = without_weights(settings)
    assert found.backbone == dict(pretrained=None, arch=dict(init_cfg=None))
    assert found.cls_head.text_encoder.pretrained is None
    assert settings.backbone.pretrained == 'openai'
