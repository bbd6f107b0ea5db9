"""The model against the same model with open_clip's own forward."""

import pytest
import torch
from mmaction.registry import MODELS

from benchmarks.reference import reference_logits


def compare(model):
    """Logits within 1e-4, each parameter's gradient within 1e-5 of its norm.

    In float64, since prompts of a random tower are so alike that a gradient can be mostly rounding.
    """
    model.train().double()
    frames = torch.rand(2, 4, 3, 32, 32).double()
    plain, fast = reference_logits(model, frames), model(frames, stage='head')
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=0)
    labels, parameters = torch.tensor([1, 4]), dict(model.named_parameters())
    expected, found = (
        torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels), parameters.values())
        for logits in (plain, fast)
    )
    for name, value, gradient in zip(parameters, expected, found, strict=True):
        assert value.norm() > 0, name
        assert (gradient - value).norm() <= 1e-5 * value.norm(), name


@pytest.mark.promise(
    'Models', 'The fast forward pass has the logits and gradients of the plain one'
)
@pytest.mark.parametrize(
    'settings',
    [
        dict(),
        dict(depth=2),
        dict(context_position='middle', num_context=5),
        dict(context_position='front', class_specific=False),
        dict(prompts=['a ' * n + 'face' for n in (3, 30, 1, 9, 14, 22, 5)]),
        dict(checkpoint_mlp=True),
        dict(grad_checkpointing=True),
        dict(checkpoint_mlp=True, grad_checkpointing=True),
    ],
    ids=lambda settings: ' '.join(settings) or 'default',
)
def test_logits_and_gradients_of_the_plain_way(tiny_model, settings):
    tiny_model['neck']['depth'] = settings.pop('depth', 1)
    saving = {key: settings.pop(key) for key in [*settings] if 'checkpoint' in key}
    for part in (tiny_model['backbone'], tiny_model['cls_head']['text_encoder']):
        part.update(saving)
    tiny_model['cls_head'].update(settings)
    compare(MODELS.build(tiny_model))
