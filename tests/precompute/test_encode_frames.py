"""All frames of a clip, decoded and encoded."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mini_corpora import write_clip
from mmaction.registry import MODELS
from mmcv.transforms import Compose

from dferclip_mm.media.errors import ClipReadError
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
def pixels():
    return Compose(STEPS)


@pytest.fixture(params=['folder', 'video'])
def clip(request, tmp_path, source_clip):
    """11 frames; those of the video become lighter."""
    if request.param == 'folder':
        write_clip(tmp_path / 'clip', 11, 'jpg')
        return source_clip(tmp_path / 'clip')
    path = tmp_path / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, (48, 32))
    for level in range(0, 110, 10):
        writer.write(np.full((32, 48, 3), level, np.uint8))
    writer.release()
    return source_clip(path)


def test_all_frames_of_a_clip_are_decoded(clip, pixels):
    frames = decode_clip(clip, pixels).frames
    assert frames.shape == (11, 3, 32, 32)
    if clip.path.endswith('.mp4'):
        assert (frames.float().mean((1, 2, 3)).diff() > 5).all()


def test_features_are_those_of_the_backbone(tiny_model):
    parts = {key: tiny_model[key] for key in ('type', 'backbone', 'data_preprocessor')}
    model = MODELS.build(parts).eval()
    frames = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        expected = model.backbone(frames.float() / 255)
    for batch_size in (3, 64):
        np.testing.assert_allclose(encode_frames(model, frames, batch_size), expected, atol=1e-6)


def test_a_clip_that_is_changed_after_decoding_is_outdated(tmp_path, source_clip, monkeypatch):
    """Its features are of the old frames, and so is the state that is stored with them."""
    write_clip(tmp_path / 'a', 3, 'jpg')
    write_clip(tmp_path / 'b', 3, 'jpg')
    clips = [source_clip(tmp_path / name) for name in 'ab']

    def encode(*_):
        Path(clips[0].path, '2.jpg').unlink(missing_ok=True)
        return np.ones((3, 5), np.float32)

    monkeypatch.setattr(module, 'encode_frames', encode)
    store = ClipStore(tmp_path / 'store', FORMAT, dict(dtype='float32'))
    assert cache_frames(None, clips, store, STEPS) == []
    assert store.find_outdated({clip.name: clip.path for clip in clips}) == ['a']
    assert read_features(store.file('b')).tolist() == [[1] * 5] * 3


def test_clips_that_cannot_be_read_are_named(tmp_path, pixels, source_clip):
    write_clip(tmp_path / 'a', 3, 'jpg')
    (tmp_path / 'a/2.jpg').write_bytes(b'')
    clips = [source_clip(tmp_path / 'a'), source_clip(tmp_path / 'missing')]
    store = ClipStore(tmp_path / 'store', FORMAT, dict(dtype='float32'))
    empty, missing = cache_frames(None, clips, store, STEPS)
    assert '2.jpg is empty' in str(empty)
    assert str(missing).startswith(f'{tmp_path}/missing: ')
    with pytest.raises(ClipReadError):
        decode_clip(clips[1], pixels)
