"""All frames of a clip, decoded part by part, and what of a model decides on their features."""

import os
from pathlib import Path

import cv2
import numpy as np
import open_clip
import pytest
import torch
from mini_corpora import write_clip
from mmaction.registry import MODELS

from dferclip_mm.media.videos import Video
from dferclip_mm.precompute import encode_frames as module
from dferclip_mm.precompute.encode_frames import (
    WholeClips,
    cache_frames,
    encode_frames,
    estimate_bytes,
    identity_of,
    layers_fingerprint,
    unique_clips,
)
from dferclip_mm.precompute.feature_cache_writer import FrameCacheWriter
from dferclip_mm.precompute.fingerprints import content_fingerprint, stat_fingerprint
from dferclip_mm.transforms import ClipInit

PIXELS = [
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCHW'),
]


@pytest.fixture
def items(tmp_path):
    for name, frames in (('a', 11), ('b', 3)):
        write_clip(tmp_path / name, frames, 'jpg')
    return [dict(filename=str(tmp_path / name), modality='RGB') for name in 'ab']


def test_parts_of_a_clip_are_the_whole(items, monkeypatch):
    whole = WholeClips(items, PIXELS)[0]
    monkeypatch.setattr(module, '_DECODED_AT_ONCE', 4)
    parts = WholeClips(items, PIXELS)[0]
    assert whole.frames.shape == (11, 3, 32, 32)
    assert torch.equal(parts.frames, whole.frames)
    assert (parts.path, parts.error) == (items[0]['filename'], '')


@pytest.fixture
def video_path(tmp_path):
    """Of a video of 11 frames, each lighter than the one before."""
    path = str(tmp_path / 'clip.mp4')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'mp4v'), 25, (48, 32))
    for level in range(0, 110, 10):
        writer.write(np.full((32, 48, 3), level, np.uint8))
    writer.release()
    return path


def test_parts_of_a_video_are_the_whole(video_path, monkeypatch):
    path = video_path
    whole = WholeClips([dict(filename=path)], PIXELS)[0]
    monkeypatch.setattr(module, '_DECODED_AT_ONCE', 4)
    parts = WholeClips([dict(filename=path)], PIXELS)[0]
    assert whole.frames.shape == (11, 3, 32, 32)
    assert torch.equal(parts.frames, whole.frames)
    assert (whole.frames.float().mean((1, 2, 3)).diff() > 5).all()


@pytest.mark.parametrize('kind', ['folder', 'video'])
def test_a_clip_is_opened_and_closed_once_for_all_its_parts(items, video_path, monkeypatch, kind):
    """Opened for each part, a video would be decoded from its first frame each time."""
    calls = []

    def count(owner, name):
        real = getattr(owner, name)

        def counted(*arguments):
            calls.append(name)
            return real(*arguments)

        monkeypatch.setattr(owner, name, counted)

    count(ClipInit, 'transform')
    count(Video, 'read')
    count(Video, 'close')
    monkeypatch.setattr(module, '_DECODED_AT_ONCE', 2)
    item = items[0] if kind == 'folder' else dict(filename=video_path)
    assert WholeClips([item], PIXELS)[0].frames.shape == (11, 3, 32, 32)
    read = ['read'] * 11 + ['close'] if kind == 'video' else []
    assert calls == ['transform', *read]


def test_a_clip_that_changes_while_it_is_decoded_is_left_out(items):
    clips = WholeClips(items, PIXELS)
    decode = clips.pixels

    def decode_and_change(results):
        found = decode(results)
        os.utime(Path(items[1]['filename'], '2.jpg'), (0, 0))
        return found

    clips.pixels = decode_and_change
    assert 'b was changed while it was read' in clips[1].error
    assert clips[0].error == ''


def test_a_clip_that_is_replaced_after_decoding_is_stale(items, tmp_path, monkeypatch):
    """Its features are of the old frames, and are kept under the old frames' fingerprint."""
    path = items[0]['filename']
    before = content_fingerprint(path), stat_fingerprint(path)

    def encode(*_):
        Path(path, '4.jpg').unlink()
        return np.zeros((11, 3))

    monkeypatch.setattr(module, 'encode_frames', encode)
    identity = dict(width=3, dtype='float32')
    with FrameCacheWriter(tmp_path / 'cache', identity, tmp_path) as writer:
        assert cache_frames(None, items[:1], writer, PIXELS) == []
        writer.flush()
        assert not writer.holds(path)
        assert (writer.entries['a'].content, writer.entries['a'].stat) == before


def test_a_clip_that_is_not_there_says_so(tmp_path):
    found = WholeClips([dict(filename=str(tmp_path / 'none'))], PIXELS)[0]
    assert found.frames is None
    assert found.error.startswith(f'{tmp_path}/none: ')


def test_a_clip_that_cannot_be_read_says_why(items, tmp_path):
    (tmp_path / 'b/2.jpg').write_bytes(b'')
    found = WholeClips(items, PIXELS)[1]
    assert found.frames is None
    assert '2.jpg is empty' in found.error


def test_features_are_the_backbones(tiny_model):
    parts = {key: tiny_model[key] for key in ('type', 'backbone', 'data_preprocessor')}
    model = MODELS.build(parts).eval()
    frames = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        expected = model.backbone(frames.float() / 255)
    for batch_size in (3, 7, 64):
        np.testing.assert_allclose(encode_frames(model, frames, batch_size), expected, atol=1e-6)


def test_layers_of_equal_weights_are_told_apart(tiny_clip):
    def build(**changes):
        tiny_clip['vision_cfg'].update(changes.pop('vision', {}))
        return open_clip.CustomTextCLIP(**{**tiny_clip, **changes}).visual

    first, again = build(), build()
    assert layers_fingerprint(first) == layers_fingerprint(again)
    assert layers_fingerprint(first.eval()) == layers_fingerprint(again.train())
    assert layers_fingerprint(build(quick_gelu=False)) != layers_fingerprint(first)
    assert layers_fingerprint(build(vision=dict(head_width=32))) != layers_fingerprint(first)


def test_weights_that_cannot_be_found_again_have_no_identity(tiny_model, tiny_weights):
    tiny_model['backbone'].update(pretrained=tiny_weights)
    for frozen in (True, False):
        tiny_model['backbone'].update(frozen=frozen)
        model = MODELS.build(tiny_model)
        if frozen:
            expected = bytes(model.backbone.visual_fingerprint.tolist()).hex()
            assert identity_of(model)['weights'] == expected
        else:
            with pytest.raises(ValueError, match='frozen weights that can be loaded again'):
                identity_of(model)


def test_size_is_the_mean_length_times_the_clips(items):
    assert estimate_bytes(items, 10) == 14 * 10
    assert estimate_bytes([items[0]] * 1000, 2) == 1000 * 11 * 2
    assert estimate_bytes([], 10) == 0
    assert estimate_bytes([*items, dict(filename=items[0]['filename'] + 'x')], 10) == 3 * 7 * 10


def test_clips_of_several_data_sets_count_once():
    class Clips(list):
        def get_data_info(self, index):
            return dict(filename=self[index])

    found = unique_clips([Clips('ab'), Clips('bc'), Clips('a')])
    assert [item['filename'] for item in found] == ['a', 'b', 'c']
