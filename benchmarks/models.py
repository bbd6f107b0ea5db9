"""What training and evaluation of DFER-CLIP cost, beside the image encoder alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.config import Config

from dferclip_mm.models.clip.checkpointing import reduce_activation_memory

from .measure import Run, flops, interleaved
from .plain import plain_logits, plain_text
from .table import Row, compared


def build(config: str, **head: Any) -> Any:
    """The model of a config with random weights, in the shapes of OpenAI's ViT-B/32."""
    cfg = Config.fromfile(config).model
    cfg.num_frames = None  # a clip is as long as it comes
    for part in (cfg.backbone, cfg.cls_head.text_encoder):
        part.update(arch='ViT-B-32-quickgelu', pretrained=None)
    cfg.cls_head.update(head)
    return MODELS.build(cfg)


def many_prompts(table: Mapping[str, str], count: int = 100) -> list[str]:
    """Different sentences, of a table's: the first clauses of one, the last of another.

    From an odd number of clauses the middle one is left out. With the descriptions that ship they
    have 20 to 36 tokens, 27 in the mean: the bar was set with prompts of 27, the longest of 38.
    """
    clauses = [sentence.rstrip('.').split(', ') for sentence in table.values()]
    halves = [(found[: len(found) // 2], found[(len(found) + 1) // 2 :]) for found in clauses]
    return [', '.join(a + b) + '.' for a, _ in halves for _, b in halves][:count]


def saving(model: Any, checkpoint_mlp: bool, grad_checkpointing: bool) -> Any:
    """A copy of a model that keeps less for the backward pass."""
    other = copy.deepcopy(model)
    for tower in (other.backbone.visual, other.cls_head.text_encoder.text):
        reduce_activation_memory(tower, checkpoint_mlp, grad_checkpointing)
    return other


def autocast(device: str, dtype: torch.dtype | None) -> AbstractContextManager:
    """For one forward pass, as in training: casts of weights are kept until it is left."""
    return nullcontext() if dtype is None else torch.autocast(device, dtype)


def backward(model: Any, logits: Callable[[], torch.Tensor]) -> Run:
    """Forward, cross-entropy and backward."""

    def run() -> None:
        found = logits()
        target = torch.arange(len(found), device=found.device) % found.shape[1]
        F.cross_entropy(found, target).backward()

    return run


class Case:
    """One batch of clips, through the model, the plain way and the image encoder alone.

    Each forward pass is computed in `dtype` where one is set; what it is None in stays float32.
    """

    def __init__(self, model: Any, clips: int, frames: int = 16, device: str = 'cpu') -> None:
        size = model.backbone.image_size
        self.model, self.device = model, device
        self.dtype: torch.dtype | None = None
        self.frames = torch.rand(clips, frames, 3, *size, device=device)
        self.pull = torch.randn(clips * frames, model.backbone.visual.output_dim, device=device)

    def encoder(self) -> torch.Tensor:
        """The limit: open_clip's own forward pass."""
        with autocast(self.device, self.dtype):
            return self.model.backbone.visual(self.frames.flatten(0, 1))

    def encoder_step(self) -> None:
        """The limit with its backward pass, from a random gradient."""
        found = self.encoder()
        found.backward(self.pull.to(found.dtype))

    def fast(self) -> torch.Tensor:
        """The model as users run it."""
        with autocast(self.device, self.dtype):
            return self.model(self.frames, stage='head')

    def plain(self) -> torch.Tensor:
        """The plain way."""
        with autocast(self.device, self.dtype):
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
    found = interleaved({**runs, 'passes': five_passes(parameters)}, rounds=11)
    rows = [
        compared(f'fused {name} step ÷ default', found[f'{name} fused'], found[name], '≤ 0.45')
        for name in settings
    ]
    near = compared(
        'fused SGD step ÷ five bare passes over as much memory',
        found['SGD fused'],
        found['passes'],
    )
    return runs, [rows[0], near, *rows[1:]]


@torch.no_grad()
def five_passes(tensors: Iterable[torch.Tensor]) -> Run:
    """The least that SGD with momentum needs: reading three arrays of each, writing two of them."""
    arrays = [[torch.zeros_like(tensor) for _ in range(3)] for tensor in tensors]

    def run() -> None:
        for weight, gradient, momentum in arrays:
            weight.add_(gradient)
            momentum.neg_()

    return run


def training(model: Any) -> list[Row]:
    """One clip; the memory-checkpoint_mlp option, the optimiser."""
    model.train()
    checkpoint_mlp = saving(model, True, False)
    # Warmed by a quarter of a clip; every parameter has a gradient afterwards.
    for run in training_runs(model, checkpoint_mlp, frames=4).values():
        run()
    optimizer_steps, rows = optimizers(model)
    runs = training_runs(model, checkpoint_mlp, frames=16)
    runs |= {name: optimizer_steps[name] for name in ('SGD', 'SGD fused')}
    found = interleaved(runs, warm=False)
    whole_plain = [a + b for a, b in zip(found['plain'], found['SGD'], strict=True)]
    whole_fast = [a + b for a, b in zip(found['fast'], found['SGD fused'], strict=True)]
    return [
        compared('training, 1 clip ÷ image encoder', found['fast'], found['limit'], '≤ 1.02'),
        compared('plain way, 1 clip ÷ image encoder', found['plain'], found['limit']),
        compared('plain way ÷ ours, 1 clip with SGD', whole_plain, whole_fast, '≥ 1.27'),
        compared('checkpoint_mlp ÷ ours, 1 clip', found['checkpoint_mlp'], found['fast'], '≤ 1.05'),
        *rows,
    ]


def training_runs(model: Any, checkpoint_mlp: Any, frames: int) -> dict[str, Run]:
    """Forward and backward passes of one clip."""
    one, less = Case(model, 1, frames), Case(checkpoint_mlp, 1, frames)
    return {
        'limit': one.encoder_step,
        'fast': backward(model, one.fast),
        'plain': backward(model, one.plain),
        'checkpoint_mlp': backward(checkpoint_mlp, less.fast),
    }


def text(model: Any, bar: str, warm: bool = True) -> list[Row]:
    """Forward and backward of the text branch, of one prompt for each class."""
    head = model.cls_head.train()
    runs = {
        'plain': lambda: plain_text(head).sum().backward(),
        'fast': lambda: head.class_features().sum().backward(),
    }
    found = interleaved(runs, warm=warm)
    ends = head.prompt_learner.end
    name = f'text branch, {len(ends)} classes, {sum(ends) / len(ends) + 1:.0f} tokens ÷ plain way'
    return [compared(name, found['fast'], found['plain'], bar)]


def evaluation(model: Any) -> list[Row]:
    """Second and later batches."""
    model.eval()
    case = Case(model, 1)
    with torch.no_grad():
        found = interleaved({'limit': case.encoder, 'fast': case.fast, 'plain': case.plain})
    return [
        compared('evaluation, 1 clip ÷ image encoder', found['fast'], found['limit'], '≤ 0.95'),
        compared('plain way, evaluation ÷ image encoder', found['plain'], found['limit']),
    ]


def arithmetic(config: str) -> list[Row]:
    """Counted on the meta device, where nothing is computed."""
    case = Case(build(config).train().to('meta'), 8, device='meta')

    def step() -> None:
        # Without the head's float32 context, which the meta device does not know.
        video, _ = case.model.extract_feat(case.frames, stage='neck')
        (video @ case.model.cls_head.class_features().T).sum().backward()

    ours = flops(step)
    return [
        Row('FLOP of a step, 8 clips ÷ image encoder', ours / flops(case.encoder_step), '≤ 0.95')
    ]
