from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmaction.registry import MODELS
from mmengine.config import Config

from dferclip_mm.explain.clip import find_class, read_clip


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


def test_what_cannot_be_explained_is_said(model: Any, tiny_model: dict) -> None:
    with pytest.raises(ValueError, match='the clip has 3 frames, and the model takes 4'):
        read_clip(config(), model, np.zeros((3, 32, 32, 3), np.uint8))
    head = dict(type='I3DHead', num_classes=7, in_channels=32, spatial_type=None)
    with pytest.raises(ValueError, match='I3DHead has no text for each class'):
        find_class(MODELS.build({**tiny_model, 'cls_head': head}))
