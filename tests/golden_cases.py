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


def build_dferclip(case: Mapping[str, Any], folder: Path) -> tuple[Config, nn.Module]:
    """Save the stand-in file, convert it on top of configs/dferclip_dfew.py, build and load."""
    published, converted = folder / 'published.pth', folder / 'converted.pth'
    official_layouts.save_like_dferclip(official_layouts.dferclip_state_dict(case), published)
    found = convert(read_published(published), context_position=case['position'])
    published.unlink()
    for path, data in output_files(found, converted, ROOT / 'configs/dferclip_dfew.py').items():
        path.write_bytes(data)
    cfg = Config.fromfile(converted.with_suffix('.py'))
    model = MODELS.build(cfg.model)
    checkpoint = torch.load(converted, weights_only=True)
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    return cfg, model


def batch(case: Mapping[str, Any]) -> dict[str, list]:
    """The case's clips as a dataloader gives them: uint8 frames, and labels where it has some."""
    labels = case.get('labels', [0] * case['clips'])
    return {
        'inputs': list(official_layouts.video(case['clips'], 16, case['seed'])),
        'data_samples': [ActionDataSample().set_gt_label(label) for label in labels],
    }


def dferclip_answers(case: Mapping[str, Any], cfg: Config, model: nn.Module) -> dict[str, Any]:
    """The outputs of our model for each quantity of a case."""
    data = batch(case)
    with torch.no_grad():
        inputs = model.data_preprocessor(data)['inputs']
        answers: dict[str, Any] = {'logits': model.eval()(inputs, stage='head').tolist()}
    if 'labels' not in case:
        return answers
    losses = model.train()(**model.data_preprocessor(data, training=True), mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    parameters = dict(model.named_parameters())
    answers['loss'] = [loss.item()]
    answers['gradient norms'] = [
        parameters[GRADIENTS[name]].grad.norm().item() for name in case['grad_norm']
    ]
    model.zero_grad()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    steps = [model.train_step(data, wrapper)['loss'].item() for _ in case['sgd_losses']]
    return {**answers, 'SGD losses': steps}


def dferclip_deviations(case: Mapping[str, Any], cfg: Config, model: nn.Module) -> dict[str, float]:
    """The largest deviation of each quantity from the golden one."""
    answers = dferclip_answers(case, cfg, model)
    found = {'logits': deviation(answers['logits'], case['logits'])}
    if 'labels' in case:
        norms = list(case['grad_norm'].values())
        ratios = [
            ours / theirs for ours, theirs in zip(answers['gradient norms'], norms, strict=True)
        ]
        found['loss'] = deviation(answers['loss'], [case['loss']])
        found['gradient norms'] = deviation(ratios, [1.0] * len(ratios))
        found['SGD losses'] = deviation(answers['SGD losses'], case['sgd_losses'])
    return found


def build_emoclip(case: Mapping[str, Any], folder: Path) -> nn.Module:
    """The same for EmoCLIP on top of configs/emoclip_mafw.py, with the case's captions as classes.

    The golden frames are divided by 255 and nothing else.
    """
    published, converted = folder / 'published.pth', folder / 'converted.pth'
    official_layouts.save_like_emoclip(official_layouts.emoclip_state_dict(case), published)
    found = convert(read_published(published))
    published.unlink()
    for path, data in output_files(found, converted, ROOT / 'configs/emoclip_mafw.py').items():
        path.write_bytes(data)
    cfg = Config.fromfile(converted.with_suffix('.py'))
    cfg.model.num_frames = case['frames']
    cfg.model.data_preprocessor.update(mean=[0, 0, 0], std=[255, 255, 255])
    captions = case['captions']
    cfg.model.cls_head.update(classes=[f'caption {i}' for i in range(len(captions))])
    cfg.model.cls_head.update(prompts=captions)
    model = MODELS.build(cfg.model)
    model.load_state_dict(torch.load(converted, weights_only=True)['state_dict'], strict=True)
    return model


def build_downstream(case: Mapping[str, Any], folder: Path) -> nn.Module:
    """configs/emoclip_downstream.py with the converted backbone and temporal Transformer."""
    converted = folder / 'converted.pth'
    cfg = Config.fromfile(ROOT / 'configs' / 'emoclip_downstream.py')
    sizes = Config.fromfile(converted.with_suffix('.py')).model
    cfg.model.num_frames = case['frames']
    cfg.model.data_preprocessor.update(mean=[0, 0, 0], std=[255, 255, 255])
    cfg.model.backbone.update(arch=sizes.backbone.arch, pretrained=None)
    cfg.model.neck.update(sizes.neck)
    cfg.model.cls_head.targets = [f'score {i}' for i in range(7)]
    model = MODELS.build(cfg.model)
    state = torch.load(converted, weights_only=True)['state_dict']
    taken = {name: value for name, value in state.items() if not name.startswith('cls_head.')}
    for name, value in model.cls_head.state_dict().items():
        taken[f'cls_head.{name}'] = official_layouts.parameter(f'emoclip.{name}', value.shape)
    model.load_state_dict(taken, strict=True)
    return model


def emoclip_deviations(case: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """The largest deviation of each quantity from the golden one, by the models users run."""
    model = build_emoclip(case, folder)
    samples = []
    for caption in case['captions'][: case['clips']]:
        samples.append(ActionDataSample().set_gt_label(0))
        samples[-1].set_field(caption, 'text')
    clips = official_layouts.video(case['clips'], case['frames'], case['seed'])
    data = {'inputs': list(clips), 'data_samples': samples}
    with torch.no_grad():
        inputs = model.data_preprocessor(data)['inputs']
        logits = model.eval()(inputs, stage='head')
        batch_ = model.data_preprocessor(data, training=True)
        losses = model.train()(**batch_, mode='loss')
        downstream = build_downstream(case, folder).eval()(inputs, stage='head')
    return {
        'logits': deviation(logits.tolist(), case['logits_per_image']),
        'loss': deviation([losses['loss_contrastive'].item()], [case['contrastive_loss']]),
        'downstream': deviation(downstream.tolist(), case['downstream']),
    }


def deviation(ours: Sequence, theirs: Sequence) -> float:
    """The largest absolute difference of two equally shaped lists."""
    ours_, theirs_ = (torch.tensor(values, dtype=torch.float64) for values in (ours, theirs))
    assert ours_.shape == theirs_.shape
    return (ours_ - theirs_).abs().max().item()


def all_deviations() -> dict[str, dict[str, dict[str, float]]]:
    """Model, case, quantity: the largest deviation of each."""
    found: dict[str, dict[str, dict[str, float]]] = {'dferclip': {}, 'emoclip': {}}
    for name, case in GOLDEN['dferclip'].items():
        with tempfile.TemporaryDirectory() as folder:
            found['dferclip'][name] = dferclip_deviations(case, *build_dferclip(case, Path(folder)))
    for name, case in GOLDEN['emoclip'].items():
        with tempfile.TemporaryDirectory() as folder:
            found['emoclip'][name] = emoclip_deviations(case, Path(folder))
    return found


def table(deviations: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
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
    for model, cases in deviations.items():
        for case, quantities in cases.items():
            for quantity, value in quantities.items():
                limit = TOLERANCE[model][quantity]
                lines.append(f'| {model} | {case} | {quantity} | {value:.1e} | {limit:.0e} |')
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    page = ROOT / 'docs' / 'golden.md'
    page.parent.mkdir(exist_ok=True)
    page.write_text(table(all_deviations()))
    print(page.read_text())
