"""Negatives of all processes: two of them against one with the joint batch."""

import pytest
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


def in_one_of_two(rank, cfgs):
    """The answers to all questions below at once."""
    answers = {}
    for name, cfg in cfgs.items():
        model = build(cfg)
        answers[name] = gradients(model, MMDistributedDataParallel(model), [2 * rank, 2 * rank + 1])
    model = build(cfgs['gathered'])
    try:
        gradients(model, model, [0, 1, 2][: 2 + rank])
    except ValueError as error:
        answers['uneven'] = str(error)
    return answers


@pytest.fixture(scope='module')
def cfgs():
    tower = dict(arch=ARCH)
    cfg = dict(
        type='FrameRecognizer',
        num_frames=4,
        backbone=dict(type='CLIPVisualEncoder', **tower),
        neck=dict(
            type='TemporalTransformer', in_channels=32, embed_dims=32, num_heads=2, mlp_dim=64
        ),
        cls_head=dict(
            type='VideoTextContrastiveHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', frozen=False, **tower),
        ),
    )
    heads = {
        'gathered': dict(gather_with_grad=True),
        'equal texts': dict(gather_with_grad=True, mask_duplicate_texts=True),
    }
    return {name: {**cfg, 'cls_head': {**cfg['cls_head'], **own}} for name, own in heads.items()}


@pytest.fixture(scope='module')
def answers(cfgs):
    return in_processes(in_one_of_two, cfgs, fork=True)


@pytest.mark.parametrize('name', ['gathered', 'equal texts'])
def test_two_processes_have_the_gradients_of_one_with_the_joint_batch(cfgs, answers, name):
    model = build(cfgs[name])
    loss, expected = gradients(model, model, [0, 1, 2, 3])
    assert all(grad.abs().max() > 0 for grad in expected.values())
    for answer in answers:
        found_loss, found = answer[name]
        torch.testing.assert_close(found_loss, loss)
        for parameter, grad in expected.items():
            torch.testing.assert_close(found[parameter], grad, atol=2e-6, rtol=1e-4, msg=parameter)


def test_batches_of_two_sizes_are_refused_not_waited_for(answers):
    for answer in answers:
        assert 'found [2, 3]: set train_dataloader.drop_last=True' in answer['uneven']
