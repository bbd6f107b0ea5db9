"""Negatives of all processes: two of them against one with the joint batch."""

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.model import MMDistributedDataParallel
from processes import in_processes
from small_runs import ARCH

CAPTIONS = ['a smile', 'wide eyes and a falling jaw', 'a frown', 'a smile']


def build(cfg):
    torch.manual_seed(3)
    return MODELS.build(cfg)


def batch_of(indices):
    torch.manual_seed(4)
    frames = torch.randn(4, 4, 3, 32, 32)[indices]
    samples = [ActionDataSample() for _ in indices]
    for sample, index in zip(samples, indices, strict=True):
        sample.set_field(CAPTIONS[index], 'text')
    return frames, samples


def gradients(model, wrapper, indices):
    frames, samples = batch_of(indices)
    losses = wrapper(frames, samples, mode='loss')
    losses['loss_contrastive'].backward()
    return losses['loss_contrastive'].detach(), {
        name: parameter.grad for name, parameter in model.named_parameters()
    }


def in_one_of_two(rank, cfg):
    """Loss and gradients of a half of the batch, and what is said of batches of two sizes."""
    model = build(cfg)
    answer = gradients(model, MMDistributedDataParallel(model), [2 * rank, 2 * rank + 1])
    try:
        gradients(model, model, [0, 1, 2][: 2 + rank])
    except ValueError as error:
        return *answer, str(error)


def test_two_processes_have_the_gradients_of_one_with_the_joint_batch():
    """Among them equal texts, which are no negatives, in different processes."""
    tower = dict(arch=ARCH)
    cfg = dict(
        type='FrameRecognizer',
        num_frames=4,
        backbone=dict(type='CLIPVisualEncoder', **tower),
        neck=dict(type='TemporalTransformer', num_heads=2, mlp_dim=64),
        cls_head=dict(
            type='VideoTextContrastiveHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', frozen=False, **tower),
            gather_with_grad=True,
            mask_duplicate_texts=True,
        ),
    )
    model = build(cfg)
    loss, expected = gradients(model, model, [0, 1, 2, 3])
    assert all(grad.abs().max() > 0 for grad in expected.values())
    for found_loss, found, said in in_processes(in_one_of_two, cfg, fork=True):
        torch.testing.assert_close(found_loss, loss)
        for parameter, grad in expected.items():
            torch.testing.assert_close(found[parameter], grad, atol=2e-6, rtol=1e-4, msg=parameter)
        # Refused, not waited for.
        assert 'found [2, 3]: set train_dataloader.drop_last=True' in said
