from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from dferclip_mm.explain.clip import Clip, UndefinedError
from dferclip_mm.explain.over_time import frame_attention, frame_similarity, leave_one_out


def logits_of(model: Any, frames: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(frames[None].float() / 255, stage='head')[0]


def test_attention_to_frames_is_the_class_tokens_row_of_each_head(model: Any, clip: Clip) -> None:
    weights, rollout = frame_attention(model, clip)
    assert weights.shape == (2, 2, 4)
    with torch.no_grad():
        features = model.backbone(clip.inputs.float() / 255)
        tokens = torch.cat([model.neck.cls_token[0], features]) + model.neck.pos_embed[0]
        found = []
        for block in model.neck.blocks:
            q, k, _ = block.attn.qkv(block.norm1(tokens)).view(5, 3, 2, 16).unbind(1)
            found.append((torch.einsum('qhd,khd->hqk', q, k) / 4).softmax(-1))
            tokens = block(tokens[None])[0]
    np.testing.assert_allclose(weights[0], found[0][:, 0, 1:], rtol=1e-4)
    np.testing.assert_allclose(weights[1], found[1][:, 0, 1:], rtol=1e-4)
    halves = [(each.mean(0) + torch.eye(5)) / 2 for each in found]
    expected = (halves[1] @ halves[0])[0, 1:]
    np.testing.assert_allclose(rollout / rollout.sum(), expected / expected.sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ('neck', 'found'),
    [(None, 'no neck'), (dict(pool='mean'), "TemporalTransformer, pool='mean'")],
)
def test_attention_is_refused_where_no_class_token_is_read(
    tiny_model: dict, clip: Clip, neck: dict | None, found: str
) -> None:
    tiny_model['neck'] = neck and dict(tiny_model['neck'], **neck)
    with pytest.raises(UndefinedError, match=f'read at its class token, and the model has {found}'):
        frame_attention(MODELS.build(tiny_model).eval(), clip)


def test_similarity_of_a_frame_is_that_of_a_clip_in_which_it_stands_still(
    model: Any, clip: Clip
) -> None:
    found = frame_similarity(model, clip)
    assert found.shape == (4, 7)
    still = clip.inputs[2].expand(4, -1, -1, -1)
    np.testing.assert_allclose(found[2], logits_of(model, still) / 100, atol=1e-5)


def test_similarity_of_plain_clip_is_the_cosine_of_the_frames_own_feature(
    tiny_model: dict, clip: Clip
) -> None:
    model = MODELS.build({**tiny_model, 'neck': None}).eval()
    with torch.no_grad():
        frames = F.normalize(model.backbone(clip.inputs.float() / 255), dim=-1)
        expected = frames @ model.cls_head.class_features().T
    np.testing.assert_allclose(frame_similarity(model, clip), expected, atol=1e-5)


def test_a_frame_left_out_is_the_clip_scored_again_with_its_neighbour(
    model: Any, clip: Clip
) -> None:
    found = leave_one_out(model, clip)
    whole = logits_of(model, clip.inputs).softmax(-1)
    for frame, order in enumerate(([1, 1, 2, 3], [0, 0, 2, 3], [0, 1, 1, 3], [0, 1, 2, 2])):
        without = logits_of(model, clip.inputs[order]).softmax(-1)
        np.testing.assert_allclose(found[frame], whole - without, atol=1e-4)


def test_copies_of_a_frame_are_left_out_together(model: Any, clip: Clip) -> None:
    copied = clip._replace(inputs=clip.inputs[[0, 1, 1, 2]], numbers=np.array([0, 1, 1, 2]))
    found = leave_one_out(model, copied)
    whole = logits_of(model, copied.inputs).softmax(-1)
    without = logits_of(model, clip.inputs[[0, 0, 2, 2]]).softmax(-1)
    np.testing.assert_allclose(found[1], whole - without, atol=1e-4)
    np.testing.assert_array_equal(found[1], found[2])


def test_the_only_frame_cannot_be_left_out(model: Any, clip: Clip) -> None:
    one = Clip('still.png', clip.inputs[:1], np.array([0]))
    with pytest.raises(ValueError, match=r'still\.png: the model sees one frame'):
        leave_one_out(model, one)
