"""What training and evaluation of DFER-CLIP cost, beside the image encoder alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.config import Config

from dferclip_mm.models.blocks import keep_less

from .measure import Run, flops, interleaved, ratio
from .plain import plain_logits, plain_text


class Row(NamedTuple):
    """A figure, and the bar that it is held to: at most (or at least) so much."""

    name: str
    value: float
    bar: str


def build(config: str, **head: Any) -> Any:
    """The model of a config with random weights, in the shapes of OpenAI's ViT-B/32."""
    cfg = Config.fromfile(config).model
    for part in (cfg.backbone, cfg.cls_head.text_encoder):
        part.update(arch='ViT-B-32-quickgelu', pretrained=None)
    cfg.cls_head.update(head)
    return MODELS.build(cfg)


def saving(model: Any, lean: bool, grad_checkpointing: bool) -> Any:
    """A copy of a model that keeps less for the backward pass."""
    other = copy.deepcopy(model)
    for tower in (other.backbone.visual, other.cls_head.text_encoder.text):
        keep_less(tower, lean, grad_checkpointing)
    return other


def backward(model: Any, logits: Callable[[], torch.Tensor]) -> Run:
    """Forward, cross-entropy and backward."""

    def run() -> None:
        found = logits()
        target = torch.arange(len(found), device=found.device) % found.shape[1]
        F.cross_entropy(found, target).backward()

    return run


class Case:
    """One batch of clips, through the model, the plain way and the image encoder alone."""

    def __init__(self, model: Any, clips: int, frames: int = 16, device: str = 'cpu') -> None:
        size = model.backbone.image_size
        self.model = model
        self.frames = torch.rand(clips, frames, 3, *size, device=device)
        self.pull = torch.randn(clips * frames, model.backbone.visual.output_dim, device=device)

    def encoder(self) -> torch.Tensor:
        """The limit: open_clip's own forward pass."""
        return self.model.backbone.visual(self.frames.flatten(0, 1))

    def encoder_step(self) -> None:
        """The limit with its backward pass, from a random gradient."""
        found = self.encoder()
        found.backward(self.pull.to(found.dtype))

    def fast(self) -> torch.Tensor:
        """The model as users run it."""
        return self.model(self.frames, stage='head')

    def plain(self) -> torch.Tensor:
        """The plain way."""
        return plain_logits(self.model, self.frames)


def equality(case: Case) -> list[Row]:
    """Largest difference of logits, and of a parameter's gradient relative to its norm."""
    parameters = [*case.model.parameters()]
    answers = []
    for logits in (case.plain(), case.fast()):
        case.model.zero_grad()
        F.cross_entropy(logits, torch.arange(len(logits)) % 7).backward()
        answers.append((logits.detach(), [p.grad.clone() for p in parameters]))
    (plain, expected), (fast, found) = answers
    worst = max(float((a - b).norm() / a.norm()) for a, b in zip(expected, found, strict=True))
    return [
        Row(
            'logits, largest difference from the plain way',
            float((plain - fast).abs().max()),
            '≤ 1e-4',
        ),
        Row('gradients, largest relative difference', worst, '≤ 1e-5'),
    ]


def optimizers(model: Any) -> tuple[dict[str, Run], list[Row]]:
    """A step of SGD and AdamW, default and fused, over gradients that are there."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    settings = {
        'SGD': dict(lr=1e-9, momentum=0.9, weight_decay=1e-4),
        'AdamW': dict(lr=1e-9, weight_decay=1e-2),
    }
    runs: dict[str, Run] = {}
    for name, kwargs in settings.items():
        for fused in (False, True):
            optimizer = getattr(torch.optim, name)(parameters, fused=fused, **kwargs)
            runs[f'{name} fused' if fused else name] = optimizer.step
    found = interleaved(runs, rounds=15)
    rows = [
        Row(f'fused {name} step ÷ default', ratio(found[f'{name} fused'], found[name]), '≤ 0.45')
        for name in settings
    ]
    return runs, rows


def training(model: Any) -> list[Row]:
    """One and four clips; the memory-lean option, the optimiser."""
    model.train()
    one, lean = Case(model, 1), Case(saving(model, True, False), 1)
    steps, rows = optimizer_rows(model, one)
    runs = {
        'limit': one.encoder_step,
        'fast': backward(model, one.fast),
        'plain': backward(model, one.plain),
        'lean': backward(lean.model, lean.fast),
        'SGD': steps['SGD'],
        'SGD fused': steps['SGD fused'],
    }
    found = interleaved(runs)
    whole_plain = [a + b for a, b in zip(found['plain'], found['SGD'], strict=True)]
    whole_fast = [a + b for a, b in zip(found['fast'], found['SGD fused'], strict=True)]
    four = Case(model, 4)
    # Warm already: all of it was run with one clip.
    runs = {'limit': four.encoder_step, 'fast': backward(model, four.fast)}
    batch = interleaved(runs, rounds=3, warm=False)
    return [
        Row('training, 1 clip ÷ image encoder', ratio(found['fast'], found['limit']), '≤ 1.02'),
        Row('training, 4 clips ÷ image encoder', ratio(batch['fast'], batch['limit']), '≤ 0.94'),
        Row('plain way, 1 clip ÷ image encoder', ratio(found['plain'], found['limit']), ''),
        Row('plain way ÷ ours, 1 clip with SGD', ratio(whole_plain, whole_fast), '≥ 1.27'),
        Row('lean ÷ ours, 1 clip', ratio(found['lean'], found['fast']), '≤ 1.05'),
        *rows,
    ]


def optimizer_rows(model: Any, case: Case) -> tuple[dict[str, Run], list[Row]]:
    """The optimisers' rows; every parameter has a gradient afterwards."""
    backward(model, case.fast)()
    return optimizers(model)


def text(model: Any, classes: int, bar: str) -> list[Row]:
    """Forward and backward of the text branch."""
    head = model.cls_head.train()
    runs = {
        'plain': lambda: plain_text(head).sum().backward(),
        'fast': lambda: head.text_features().sum().backward(),
    }
    # A step of many classes is long enough to be warm by itself.
    few = classes < 50
    found = interleaved(runs, rounds=5 if few else 1, warm=few)
    name = f'text branch, {classes} classes ÷ plain way'
    return [Row(name, ratio(found['fast'], found['plain']), bar)]


def evaluation(model: Any) -> list[Row]:
    """Second and later batches."""
    model.eval()
    case = Case(model, 1)
    with torch.no_grad():
        found = interleaved({'limit': case.encoder, 'fast': case.fast, 'plain': case.plain}, 5)
    return [
        Row('evaluation, 1 clip ÷ image encoder', ratio(found['fast'], found['limit']), '≤ 0.95'),
        Row('plain way, evaluation ÷ image encoder', ratio(found['plain'], found['limit']), ''),
    ]


def arithmetic(config: str) -> list[Row]:
    """Counted on the meta device, where nothing is computed."""
    case = Case(build(config).train().to('meta'), 8, device='meta')

    def step() -> None:
        # Without the head's float32 context, which the meta device does not know.
        video, _ = case.model.extract_feat(case.frames, stage='neck')
        (video @ case.model.cls_head.text_features().T).sum().backward()

    ours = flops(step)
    return [
        Row('FLOP of a step, 8 clips ÷ image encoder', ours / flops(case.encoder_step), '≤ 0.95')
    ]
