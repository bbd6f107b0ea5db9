"""Run the golden cases as a user would, and write the differences from the original code.

PYTHONPATH=. python tests/golden_cases.py        # writes docs/golden.md
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import official_layouts
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import nn

import dferclip_mm  # noqa: F401 - registers the components
from dferclip_mm.converters import convert, output_files, read_published

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = json.loads((ROOT / 'tests' / 'data' / 'golden_models.json').read_text())

# Absolute tolerances; those of gradient norms are relative.
TOLERANCE = {
    'dferclip': {'logits': 1e-4, 'loss': 1e-4, 'SGD losses': 1e-3, 'gradient norms': 1e-3},
    'emoclip': {'logits': 2e-5, 'loss': 1e-4, 'downstream': 5e-5},
}

# Published names of the parameters with a golden gradient norm, and ours.
GRADIENTS = {
    'prompt_learner.ctx': 'cls_head.prompt_learner.context',
    'image_encoder.class_embedding': 'backbone.visual.class_embedding',
    'image_encoder.proj': 'backbone.visual.proj',
    'image_encoder.conv1.weight': 'backbone.visual.conv1.weight',
    'temporal_net.cls_token': 'neck.cls_token',
    'temporal_net.pos_embedding': 'neck.pos_embed',
    'temporal_net.temporal_transformer.layers.0.0.fn.fn.to_qkv.weight': (
        'neck.blocks.0.attn.qkv.weight'
    ),
    'temporal_net.temporal_transformer.layers.0.1.fn.fn.net.0.weight': 'neck.blocks.0.mlp.0.weight',
}


def write_converted(
    method: str, case: Mapping[str, Any], folder: Path, **options: Any
) -> tuple[Config, dict[str, torch.Tensor]]:
    """Save the stand-in file, convert it on top of the method's config: config and weights."""
    published, target = folder / 'published.pth', folder / 'converted.pth'
    state = getattr(official_layouts, f'{method}_state_dict')(case)
    getattr(official_layouts, f'save_like_{method}')(state, published)
    found = convert(read_published(published), **options)
    published.unlink()
    name = {'dferclip': 'dferclip_dfew.py', 'emoclip': 'emoclip_mafw.py'}[method]
    for path, data in output_files(found, target, ROOT / 'configs' / name).items():
        path.write_bytes(data)
    weights = torch.load(target, weights_only=True)['state_dict']
    return Config.fromfile(target.with_suffix('.py')), weights


def build(cfg: Config, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """The config's model with these weights, strictly."""
    model = MODELS.build(cfg.model)
    model.load_state_dict(weights, strict=True)
    return model


def dferclip_deviations(case: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """The largest deviation of each quantity from the golden one, by the model users run."""
    cfg, weights = write_converted('dferclip', case, folder, context_position=case['position'])
    model = build(cfg, weights)
    labels = case.get('labels', [0] * case['clips'])
    data = {
        'inputs': list(official_layouts.video(case['clips'], 16, case['seed'])),
        'data_samples': [ActionDataSample().set_gt_label(label) for label in labels],
    }
    with torch.no_grad():
        inputs = model.data_preprocessor(data)['inputs']
        logits = model.eval()(inputs, stage='head')
    found = {'logits': deviation(logits.tolist(), case['logits'])}
    if 'labels' not in case:
        return found
    losses = model.train()(**model.data_preprocessor(data, training=True), mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    parameters = dict(model.named_parameters())
    ratios = [
        parameters[GRADIENTS[name]].grad.norm().item() / theirs
        for name, theirs in case['grad_norm'].items()
    ]
    model.zero_grad()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    steps = [model.train_step(data, wrapper)['loss'].item() for _ in case['sgd_losses']]
    return {
        **found,
        'loss': deviation([loss.item()], [case['loss']]),
        'gradient norms': deviation(ratios, [1.0] * len(ratios)),
        'SGD losses': deviation(steps, case['sgd_losses']),
    }


def emoclip_deviations(case: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """The largest deviation of each quantity from the golden one, by the models users run.

    The case's captions are the classes. Its frames are divided by 255 and nothing else.
    """
    cfg, weights = write_converted('emoclip', case, folder)
    sizes, captions = cfg.model, case['captions']
    names = [f'caption {number}' for number in range(len(captions))]
    cfg.model.cls_head.update(classes=names, prompts=captions)
    downstream = Config.fromfile(ROOT / 'configs' / 'emoclip_downstream.py')
    downstream.model.backbone.update(arch=sizes.backbone.arch, pretrained=None)
    downstream.model.neck.update(sizes.neck)
    downstream.model.cls_head.targets = [f'score {number}' for number in range(7)]
    for each in (cfg, downstream):
        each.model.num_frames = case['frames']
        each.model.data_preprocessor.update(mean=[0, 0, 0], std=[255, 255, 255])
    model = build(cfg, weights)
    taken = {name: value for name, value in weights.items() if not name.startswith('cls_head.')}
    for name, value in MODELS.build(downstream.model.cls_head).state_dict().items():
        taken[f'cls_head.{name}'] = official_layouts.parameter(f'emoclip.{name}', value.shape)
    samples = []
    for caption in captions[: case['clips']]:
        samples.append(ActionDataSample().set_gt_label(0))
        samples[-1].set_field(caption, 'text')
    clips = official_layouts.video(case['clips'], case['frames'], case['seed'])
    data = {'inputs': list(clips), 'data_samples': samples}
    with torch.no_grad():
        inputs = model.data_preprocessor(data)['inputs']
        logits = model.eval()(inputs, stage='head')
        losses = model.train()(**model.data_preprocessor(data, training=True), mode='loss')
        scores = build(downstream, taken).eval()(inputs, stage='head')
    return {
        'logits': deviation(logits.tolist(), case['logits_per_image']),
        'loss': deviation([losses['loss_contrastive'].item()], [case['contrastive_loss']]),
        'downstream': deviation(scores.tolist(), case['downstream']),
    }


DEVIATIONS = {'dferclip': dferclip_deviations, 'emoclip': emoclip_deviations}


def deviation(ours: Sequence, theirs: Sequence) -> float:
    """The largest absolute difference of two equally shaped lists."""
    ours_, theirs_ = (torch.tensor(values, dtype=torch.float64) for values in (ours, theirs))
    assert ours_.shape == theirs_.shape
    return (ours_ - theirs_).abs().max().item()


def table() -> str:
    """A page with a row for each quantity of each case."""
    lines = [
        '# Parity with the original code',
        '',
        'The largest difference between the outputs of this implementation and the original code,',
        'on the same weights and clips (CPU, float32). Gradient norms: relative. The tests check',
        'each row against its tolerance. Written by `PYTHONPATH=. python tests/golden_cases.py`.',
        '',
        '| model | case | quantity | largest difference | tolerance |',
        '|---|---|---|---:|---:|',
    ]
    for method, cases in GOLDEN.items():
        for case, golden in cases.items():
            with tempfile.TemporaryDirectory() as folder:
                found = DEVIATIONS[method](golden, Path(folder))
            for quantity, value in found.items():
                limit = TOLERANCE[method][quantity]
                lines.append(f'| {method} | {case} | {quantity} | {value:.1e} | {limit:.0e} |')
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    page = ROOT / 'docs' / 'golden.md'
    page.parent.mkdir(exist_ok=True)
    page.write_text(table())
    print(page.read_text())
