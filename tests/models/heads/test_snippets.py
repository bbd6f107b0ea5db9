import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.logging import MessageHub

from dferclip_mm.models.similarity import snippet_weights


@pytest.fixture
def hub():
    """The epoch of a run; no run is left behind."""
    current = MessageHub.get_current_instance()
    yield current
    current.update_info('epoch', 0)


def losses_of(config, frames):
    torch.manual_seed(0)
    model = MODELS.build(config).train()
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 3)]
    clips = model.neck(frames)[0]
    return model.cls_head, clips, model.loss(frames, samples)


def test_snippets_are_trained_as_the_formulas_say(tiny_model, hub):
    """With the original loops: each snippet of each clip by itself."""
    tiny_model['cls_head']['snippet_frames'] = 2
    frames = torch.randn(2, 4, 32)
    head, clips, found = losses_of(tiny_model, frames)
    texts, local = head.class_features(), torch.zeros(2, 7)
    for clip in range(2):
        snippets = [frames[clip, :2].mean(0), frames[clip, 2:].mean(0)]
        like = torch.stack([torch.cosine_similarity(s, clips[clip], dim=0) for s in snippets])
        weights = ((like - like.min()) / (like.max() - like.min())).softmax(0)
        for weight, snippet in zip(weights, snippets, strict=True):
            local[clip] += weight * 100 * texts @ F.normalize(snippet, dim=0)
    whole = 100 * F.normalize(clips, dim=-1) @ texts.T
    labels = torch.tensor([0, 3])
    torch.testing.assert_close(found['loss_cls'], F.cross_entropy(whole, labels))
    torch.testing.assert_close(found['loss_snippets'], F.cross_entropy(local, labels))
    agreed = F.cross_entropy(local, whole.softmax(1))
    torch.testing.assert_close(found['loss_consistency'], agreed)


def test_a_snippet_unlike_its_clip_is_left_out():
    clip = torch.tensor([[1.0, 0.0]])
    snippets = torch.tensor([[[1.0, 0.0], [1.0, 0.1], [0.9, 0.2], [-1.0, 0.0]]])
    found = snippet_weights(clip, snippets)[0]
    assert found[3] == 0
    assert (found[:3] > 0.25).all()
    # Of many, some are left too; and gradients of nearly equal ones stay small.
    many = torch.randn(1, 16, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert 0.3 < snippet_weights(clip, many).sum() < 1
    assert not snippet_weights(clip, many).requires_grad
    # Equal ones count alike.
    torch.testing.assert_close(snippet_weights(clip, torch.ones(1, 4, 2)), torch.full((1, 4), 0.25))


def test_the_losses_end_after_their_epochs_and_are_off_by_default(tiny_model, hub):
    frames = torch.randn(2, 4, 32)
    _, _, plain = losses_of(tiny_model, frames)
    assert set(plain) == {'loss_cls', 'top1_acc'}
    tiny_model['cls_head'].update(snippet_frames=2, snippet_epochs=3)
    for epoch, count in ((2, 4), (3, 2)):
        hub.update_info('epoch', epoch)
        _, _, found = losses_of(tiny_model, frames)
        assert len(found) == count
        assert torch.equal(found['loss_cls'], plain['loss_cls'])


def test_weights_of_similar_snippets_are_the_same_in_half_precision():
    clips = torch.randn(8, 32, generator=torch.Generator().manual_seed(0))
    snippets = clips[:, None] + 0.1 * torch.randn(8, 4, 32, generator=torch.Generator())
    expected = snippet_weights(clips, snippets)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(snippet_weights(clips, snippets), expected)


@pytest.mark.parametrize(
    ('frames', 'message'),
    [
        ((2, 4, 32), 'clips of 4 frames have no snippets of 3'),
        (None, 'of 32 numbers, .* found none'),
    ],
)
def test_frames_that_do_not_fit_are_refused(tiny_model, frames, message):
    tiny_model['cls_head']['snippet_frames'] = 3
    head = MODELS.build(tiny_model['cls_head']).train()
    given = None if frames is None else torch.randn(frames)
    samples = [ActionDataSample().set_gt_label(0)] * 2
    with pytest.raises(ValueError, match=message):
        head.loss(torch.randn(2, 32), samples, frames=given)
