"""The fast forward against open_clip's own, and the class features that are kept."""

import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.model import ExponentialMovingAverage

from benchmarks.plain import plain_logits

LABELS = torch.tensor([1, 4])


def clips():
    return torch.rand(2, 4, 3, 32, 32)


def gradients(model, logits):
    model.zero_grad()
    torch.nn.functional.cross_entropy(logits, LABELS).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def compare(model):
    """Logits within 1e-4, each parameter's gradient within 1e-5 of its norm.

    In float64, since prompts of a random tower are so alike that a gradient can be mostly rounding.
    """
    model.train().double()
    frames = clips().double()
    plain = plain_logits(model, frames)
    fast = model(frames, stage='head')
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=0)
    expected, found = gradients(model, plain), gradients(model, fast)
    assert len(found) == len(dict(model.named_parameters()))
    for name, value in expected.items():
        assert value.norm() > 0, name
        assert (found[name] - value).norm() <= 1e-5 * value.norm(), name


@pytest.mark.promise(
    'Models', 'The fast forward pass has the logits and gradients of the plain one'
)
@pytest.mark.parametrize(
    'settings',
    [
        dict(),
        dict(depth=2),
        dict(prompts=['a ' * n + 'face' for n in (3, 30, 1, 9, 14, 22, 5)]),
        dict(checkpoint_mlp=True),
        dict(grad_checkpointing=True),
        dict(checkpoint_mlp=True, grad_checkpointing=True),
    ],
    ids=[
        'default',
        'two temporal blocks',
        'unequal prompts',
        'checkpoint_mlp',
        'checkpointing',
        'both',
    ],
)
def test_logits_and_gradients_of_the_plain_way(tiny_model, settings):
    tiny_model['neck']['depth'] = settings.pop('depth', 1)
    for part in (tiny_model['backbone'], tiny_model['cls_head']['text_encoder']):
        part.update({key: settings[key] for key in settings if key != 'prompts'})
    tiny_model['cls_head']['prompts'] = settings.get('prompts', 'descriptions')
    compare(MODELS.build(tiny_model))


def test_many_prompts_are_encoded_in_groups(tiny_model):
    """70 prompts of very different lengths: three groups, put back in order."""
    words = [1 + n * 37 % 60 for n in range(70)]
    tiny_model['cls_head'].update(
        classes=[f'class {n}' for n in range(70)], prompts=['face ' * n for n in words]
    )
    compare(MODELS.build(tiny_model))


@pytest.fixture
def model(tiny_model):
    return MODELS.build(tiny_model).eval()


@pytest.fixture
def encodings(model, monkeypatch):
    """Counts how often the text tower is run."""
    calls = []
    encoder = model.cls_head.text_encoder
    encode = encoder.encode
    monkeypatch.setattr(encoder, 'encode', lambda *args: calls.append(1) or encode(*args))
    return calls


@torch.no_grad()
def scores(model):
    return model.cls_head(torch.ones(1, 32))


def test_evaluation_encodes_the_prompts_once(model, encodings):
    first = scores(model)
    assert torch.equal(scores(model), first)
    assert len(encodings) == 1


def test_learning_encodes_them_anew(model, encodings):
    model.cls_head(torch.ones(1, 32))
    model.cls_head(torch.ones(1, 32)).sum().backward()
    assert len(encodings) == 2
    assert model.cls_head.prompt_learner.context.grad.abs().sum() > 0
    model.train()
    scores(model)
    assert len(encodings) == 3


def step(model, **settings):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, **settings)
    model.cls_head(torch.ones(1, 32)).square().sum().backward()
    optimizer.step()


def load(model):
    state = copy.deepcopy(model.state_dict())
    state['cls_head.prompt_learner.context'].mul_(30)
    model.load_state_dict(state)


def load_tower(model):
    state = copy.deepcopy(model.state_dict())
    state['cls_head.text_encoder.text.text_projection'].mul_(torch.randn(32))
    model.load_state_dict(state)


def swap(model):
    """What MMEngine's EMAHook does before a validation, which then calls ``eval()``."""
    averaged = ExponentialMovingAverage(copy.deepcopy(model))
    averaged.module.cls_head.prompt_learner.context.data.mul_(30)
    for ours, theirs in zip(model.parameters(), averaged.module.parameters(), strict=True):
        kept = ours.data.clone()
        ours.data.copy_(theirs.data)
        theirs.data.copy_(kept)
    model.eval()


@pytest.mark.parametrize(
    'change',
    [step, lambda model: step(model, fused=True), load, load_tower, swap, torch.nn.Module.double],
    ids=['step', 'fused step', 'state dict', 'state dict of the tower', 'EMA', 'dtype'],
)
def test_a_change_is_never_missed(model, encodings, change):
    before = scores(model)
    change(model)
    encodings.clear()
    dtype = model.cls_head.prompt_learner.context.dtype
    with torch.no_grad():
        found = model.cls_head(torch.ones(1, 32, dtype=dtype))
    assert len(encodings) == 1
    fresh = copy.deepcopy(model)  # a copy remembers nothing
    with torch.no_grad():
        assert torch.equal(found, fresh.cls_head(torch.ones(1, 32, dtype=dtype)))
    if dtype == torch.float32:
        assert not torch.allclose(found, before)


def test_another_device_encodes_anew(model, encodings):
    scores(model)
    model.to('meta')
    with torch.no_grad():
        assert model.cls_head.class_features().device.type == 'meta'
    assert len(encodings) == 2
