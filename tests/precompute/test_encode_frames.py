"""All frames of a clip, decoded and encoded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmcv.transforms import Compose

from dferclip_mm.precompute import encode_frames as module
from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.encode_frames import cache_frames, decode_clip, encode_frames
from dferclip_mm.precompute.frame_features import FORMAT, read_features

STEPS = [
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCHW'),
]


@pytest.fixture
def store(tmp_path):
    return ClipStore(tmp_path / 'store', FORMAT, dict(dtype='float32'))


def test_all_frames_of_a_clip_are_decoded(tmp_path, frames, video, source_clip):
    for path in (frames(tmp_path / 'a', 11), video(tmp_path / 'b.mp4', 11)):
        _, found, _ = decode_clip(source_clip(path), Compose(STEPS))
        assert found.shape == (11, 3, 32, 32)
        # Each frame is lighter than the one before.
        assert (found.float().mean((1, 2, 3)).diff() > 5).all()


def test_features_are_those_of_the_backbone(tiny_model):
    parts = {key: tiny_model[key] for key in ('type', 'backbone', 'data_preprocessor')}
    model = MODELS.build(parts).eval()
    frames = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        expected = model.backbone(frames.float() / 255)
    for batch_size in (3, 64):
        np.testing.assert_allclose(encode_frames(model, frames, batch_size), expected, atol=1e-6)


def test_a_clip_that_is_changed_after_decoding_is_outdated(
    tmp_path, frames, store, source_clip, monkeypatch
):
    """Its features are of the old frames, and so is the state that is stored with them."""
    clips = [source_clip(frames(tmp_path / name)) for name in 'ab']

    def encode(*_):
        Path(clips[0].path, '00002.jpg').unlink(missing_ok=True)
        return np.ones((3, 5), np.float32)

    monkeypatch.setattr(module, 'encode_frames', encode)
    assert cache_frames(None, clips, store, STEPS) == []
    assert store.find_outdated(clips) == clips[:1]
    assert read_features(store.file('b')).tolist() == [[1] * 5] * 3
