"""What every test stands on: the host's scope, one thread, a small CLIP."""

import copy
import signal

import pytest
import torch
from clip_files import write_frames, write_text, write_video
from mmengine.registry import init_default_scope

import dferclip_mm  # noqa: F401 - registers the components

torch.set_num_threads(1)

TINY_CLIP = dict(
    embed_dim=32,
    quick_gelu=True,
    vision_cfg=dict(image_size=32, layers=2, width=64, patch_size=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2),
)


@pytest.fixture(autouse=True)
def _host_scope():
    init_default_scope('mmaction')
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _signals_stay():
    """A test that leaves a signal caught or blocked makes another one hang, far from here."""
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in ends]
    yield
    assert [signal.getsignal(number) for number in ends] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []).isdisjoint(ends)


@pytest.fixture
def tiny_clip():
    """An open_clip description of a CLIP that builds in milliseconds: 32 px, 32 dimensions."""
    return copy.deepcopy(TINY_CLIP)


@pytest.fixture
def tiny_weights(tmp_path, tiny_clip):
    """The path of a weights file for `tiny_clip`, in open_clip's layout."""
    import open_clip

    path = tmp_path / 'tiny_clip.pt'
    torch.save(open_clip.CLIP(**tiny_clip).state_dict(), path)
    return str(path)


@pytest.fixture
def tiny_model(tiny_clip):
    """The config of a whole small DFER-CLIP for clips of 4 frames, as users would write it."""
    return dict(
        type='FrameRecognizer',
        num_frames=4,
        data_preprocessor=dict(
            type='ActionDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCHW'
        ),
        backbone=dict(type='CLIPVisualEncoder', arch=tiny_clip),
        neck=dict(
            type='TemporalTransformer',
            in_channels=32,
            embed_dims=32,
            max_frames=4,
            num_heads=2,
            head_dim=16,
            mlp_dim=64,
        ),
        cls_head=dict(
            type='TextPromptHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', arch=tiny_clip),
            num_context=4,
        ),
    )


@pytest.fixture
def frames():
    return write_frames


@pytest.fixture
def video():
    return write_video


@pytest.fixture
def text():
    return write_text
