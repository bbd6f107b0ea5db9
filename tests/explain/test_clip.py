from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mini_corpora import write_clip
from mmaction.registry import MODELS
from mmengine.config import Config

from dferclip_mm.explain.clip import Clip, frame_similarity, leave_one_out, read_clip
from dferclip_mm.transforms import clip_init


def config(layout: str = 'NCHW', clips: int = 1) -> Config:
    """A test pipeline of four frames, every second one of them seen."""
    sample = dict(type='SampleFrames', clip_len=4, frame_interval=2, num_clips=clips)
    steps = [dict(type='ClipInit'), dict(sample, test_mode=True), dict(type='ClipDecode')]
    steps += [dict(type='ClipResize', size=32), dict(type='FormatShape', input_format=layout)]
    pipeline = [*steps, dict(type='PackActionInputs')]
    return Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))


def test_frames_and_the_files_that_hold_them_are_the_same_clip(model: Any, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f'{number}.png'), frame[..., ::-1])
    clip = read_clip(config(), model, frames)
    assert clip.numbers.tolist() == [1, 3, 5, 7]
    np.testing.assert_array_equal(clip.frames, frames[[1, 3, 5, 7]])
    np.testing.assert_array_equal(read_clip(config(), model, tmp_path).inputs, clip.inputs)
    video = read_clip(config('NCTHW'), model, frames)
    np.testing.assert_array_equal(video.inputs, clip.inputs)


@pytest.mark.parametrize('layout', ['NCHW', 'NCTHW'])
def test_of_several_views_the_first_is_explained(model: Any, layout: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    clip = read_clip(config(layout, clips=2), model, frames)
    assert len(clip.numbers) == 4
    np.testing.assert_array_equal(clip.frames, frames[clip.numbers])


@pytest.mark.parametrize('own', [True, False])
def test_face_crops_are_called_for_where_a_clip_is_not_of_the_corpus(
    own: bool, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(clip_init, '_warn_of_faces', lambda kind, message: said.append(kind))
    write_clip(tmp_path / 'data' / 'clip', 10, 'png')
    cfg = config()
    cfg.test_dataloader.dataset.data_root = str(tmp_path / ('data' if own else 'other'))
    read_clip(cfg, model, tmp_path / 'data' / 'clip')
    assert said == ([] if own else ['faces'])


def logits_of(model: Any, frames: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(frames[None].float() / 255, stage='head')[0]


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


def test_a_clip_that_is_too_short_is_refused(model: Any) -> None:
    with pytest.raises(ValueError, match='the clip has 3 frames, and the model takes 4'):
        read_clip(config(), model, np.zeros((3, 32, 32, 3), np.uint8))


def test_the_only_frame_cannot_be_left_out(model: Any, clip: Clip) -> None:
    one = Clip('still.png', clip.inputs[:1], np.array([0]))
    with pytest.raises(ValueError, match=r'still\.png: the model sees one frame'):
        leave_one_out(model, one)
