"""A trained model as a program of ``torch.export``: the scores of the model, for any batch."""

import io

import pytest
import torch
from lengths import LONG
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper
from torch.export import Dim, export


class Scorer(torch.nn.Module):
    """Frames (B, T, 3, H, W) to the recognizer's logits (B, C): what is exported."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frames):
        return self.model(frames, stage='head')


def train(model):
    """A step, so that weights and context are a trained model's."""
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 5)]
    for sample, caption in zip(samples, ('a smile', 'a frown'), strict=True):
        sample.set_field(caption, 'text')
        sample.set_field([0.5], 'scores')
    optimizer = dict(optimizer=dict(type='SGD', lr=1e-2))
    wrapper = build_optim_wrapper(model, optimizer)
    frames = list(torch.randint(0, 256, (2, 4, 3, 32, 32), dtype=torch.uint8))
    model.train_step(dict(inputs=frames, data_samples=samples), wrapper)
    return model.eval()


def check(module, example, *others, strict):
    """The program, saved and read again, answers as the module on other inputs."""
    program = export(module, (example,), dynamic_shapes=({0: Dim('batch')},), strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for inputs in (example, *others):
        with torch.no_grad():
            torch.testing.assert_close(loaded(inputs), module(inputs), atol=1e-4, rtol=0)


HEADS = {
    'DFER-CLIP': {},
    'EmoCLIP': dict(type='VideoTextContrastiveHead', trained_text=True),
    'EmoCLIP, frozen text tower': dict(type='VideoTextContrastiveHead'),
    'regression': dict(type='RegressionHead'),
}


# PyTorch's compiler reads the source in its strict way, which takes ten seconds.
STRICT = pytest.mark.parametrize('strict', [False, True] if LONG else [False])


@STRICT
@pytest.mark.parametrize('grad', [False, True] if LONG else [False])
@pytest.mark.parametrize('evaluated', [False, True] if LONG else [False])
@pytest.mark.parametrize('name', HEADS)
def test_a_trained_model_is_exported(tiny_model, name, evaluated, grad, strict):
    own, head = dict(HEADS[name]), tiny_model['cls_head']
    if own.pop('trained_text', False):
        head['text_encoder']['frozen'] = False
    if own:
        del head['num_context']
    head.update(own)
    if name == 'regression':
        head = tiny_model['cls_head'] = dict(own, targets=['severity'], in_channels=32)
    model = train(MODELS.build(tiny_model))
    one, three = torch.rand(1, 4, 3, 32, 32), torch.rand(3, 4, 3, 32, 32)
    with torch.set_grad_enabled(grad):
        if evaluated:
            model(one, stage='head')
        check(Scorer(model), torch.rand(2, 4, 3, 32, 32), one, three, strict=strict)


@STRICT
@pytest.mark.parametrize(
    'settings',
    [dict(frozen=True), dict(checkpoint_mlp=True), dict(grad_checkpointing=True)],
    ids=lambda settings: next(iter(settings)),
)
def test_the_image_tower_is_exported(tiny_clip, settings, strict):
    tower = MODELS.build(dict(type='CLIPVisualEncoder', arch=tiny_clip, **settings)).eval()
    with torch.no_grad():
        check(tower, torch.rand(2, 3, 32, 32), torch.rand(5, 3, 32, 32), strict=strict)


def test_precomputed_text_features_are_exported(tiny_model):
    tiny_model['cls_head'] = dict(type='PrecomputedTextHead', classes='dfew', embed_dims=32)
    model = MODELS.build(tiny_model).eval()
    model.cls_head.text_features.normal_()
    frames = torch.rand(2, 4, 3, 32, 32)
    check(Scorer(model), frames, torch.rand(3, 4, 3, 32, 32), strict=False)
