"""The cost of training and evaluating DFER-CLIP, against its image encoder alone."""

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
from .reference import reference_logits, reference_text
from .table import Row, ratio_row


def build(config: str, **head: Any) -> Any:
    """The model of a config with random weights, in the shapes of OpenAI's ViT-B/32."""
    cfg = Config.fromfile(config).model
    cfg.num_frames = None  # clips of any length
    for part in (cfg.backbone, cfg.cls_head.text_encoder):
        part.update(arch='ViT-B-32-quickgelu', pretrained=None)
    cfg.cls_head.update(head)
    return MODELS.build(cfg)


def many_prompts(table: Mapping[str, str], count: int = 100) -> list[str]:
    """Sentences that join the first clauses of one of a table with the last clauses of another.

    Of an odd number of clauses the middle one is dropped. With the shipped descriptions they have
    20 to 36 tokens, 27 on average, as the prompts that the target was set with.
    """
    clauses = [sentence.rstrip('.').split(', ') for sentence in table.values()]
    halves = [(found[: len(found) // 2], found[(len(found) + 1) // 2 :]) for found in clauses]
    return [', '.join(a + b) + '.' for a, _ in halves for _, b in halves][:count]


def copy_with_saving(model: Any, checkpoint_mlp: bool, grad_checkpointing: bool) -> Any:
    """A copy of a model that saves less for the backward pass."""
    other = copy.deepcopy(model)
    for tower in (other.backbone.visual, other.cls_head.text_encoder.text):
        reduce_activation_memory(tower, checkpoint_mlp, grad_checkpointing)
    return other


def autocast(device: str, dtype: torch.dtype | None) -> AbstractContextManager:
    """Autocast for one forward pass, as in training; it caches the casts of weights."""
    return nullcontext() if dtype is None else torch.autocast(device, dtype)


def backward(model: Any, logits: Callable[[], torch.Tensor]) -> Run:
    """Forward, cross-entropy and backward."""

    def run() -> None:
        found = logits()
        target = torch.arange(len(found), device=found.device) % found.shape[1]
        F.cross_entropy(found, target).backward()

    return run


class Case:
    """One batch of clips, through the model, the reference and the image encoder alone.

    `dtype` is the type of autocast; None for float32.
    """

    def __init__(self, model: Any, clips: int, frames: int = 16, device: str = 'cpu') -> None:
        size = model.backbone.image_size
        self.model, self.device = model, device
        self.dtype: torch.dtype | None = None
        self.frames = torch.rand(clips, frames, 3, *size, device=device)
        self.output_gradient = torch.randn(
            clips * frames, model.backbone.visual.output_dim, device=device
        )

    def encoder(self) -> torch.Tensor:
        """The image encoder: open_clip's own forward pass."""
        with autocast(self.device, self.dtype):
            return self.model.backbone.visual(self.frames.flatten(0, 1))

    def encoder_step(self) -> None:
        """The image encoder with its backward pass, from a random gradient."""
        found = self.encoder()
        found.backward(self.output_gradient.to(found.dtype))

    def fast(self) -> torch.Tensor:
        """The model as in training and evaluation."""
        with autocast(self.device, self.dtype):
            return self.model(self.frames, stage='head')

    def reference(self) -> torch.Tensor:
        """The reference."""
        with autocast(self.device, self.dtype):
            return reference_logits(self.model, self.frames)


def equality(case: Case) -> list[Row]:
    """Largest difference of logits, and of gradients relative to their norm."""
    parameters = [*case.model.parameters()]
    answers = []
    for logits in (case.reference(), case.fast()):
        case.model.zero_grad()
        F.cross_entropy(logits, torch.arange(len(logits)) % 7).backward()
        answers.append((logits.detach(), [p.grad.clone() for p in parameters]))
    (reference, expected), (fast, found) = answers
    worst = max(float((a - b).norm() / a.norm()) for a, b in zip(expected, found, strict=True))
    return [
        Row(
            'logits, largest difference from the reference',
            float((reference - fast).abs().max()),
            '≤ 1e-4',
        ),
        Row('gradients, largest relative difference', worst, '≤ 1e-5'),
    ]


def optimizers(model: Any) -> tuple[dict[str, Run], list[Row]]:
    """A step of SGD and AdamW, default and fused."""
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
        ratio_row(f'fused {name} step ÷ default', found[f'{name} fused'], found[name], '≤ 0.45')
        for name in settings
    ]
    near = ratio_row(
        'fused SGD step ÷ five passes over as much memory',
        found['SGD fused'],
        found['passes'],
    )
    return runs, [rows[0], near, *rows[1:]]


@torch.no_grad()
def five_passes(tensors: Iterable[torch.Tensor]) -> Run:
    """The lower bound for SGD with momentum: read three arrays and write two of them."""
    arrays = [[torch.zeros_like(tensor) for _ in range(3)] for tensor in tensors]

    def run() -> None:
        for weight, gradient, momentum in arrays:
            weight.add_(gradient)
            momentum.neg_()

    return run


def training(model: Any) -> list[Row]:
    """Training with one clip, `checkpoint_mlp`, and the optimizers."""
    model.train()
    checkpoint_mlp = copy_with_saving(model, True, False)
    # Warm-up with a quarter of a clip, after which every parameter has a gradient.
    for run in training_runs(model, checkpoint_mlp, frames=4).values():
        run()
    optimizer_steps, rows = optimizers(model)
    runs = training_runs(model, checkpoint_mlp, frames=16)
    runs |= {name: optimizer_steps[name] for name in ('SGD', 'SGD fused')}
    found = interleaved(runs, warm=False)
    whole_reference = [a + b for a, b in zip(found['reference'], found['SGD'], strict=True)]
    whole_fast = [a + b for a, b in zip(found['fast'], found['SGD fused'], strict=True)]
    return [
        ratio_row('training, 1 clip ÷ image encoder', found['fast'], found['encoder'], '≤ 1.02'),
        ratio_row('reference, 1 clip ÷ image encoder', found['reference'], found['encoder']),
        ratio_row('reference ÷ ours, 1 clip with SGD', whole_reference, whole_fast, '≥ 1.27'),
        ratio_row(
            'checkpoint_mlp ÷ ours, 1 clip', found['checkpoint_mlp'], found['fast'], '≤ 1.05'
        ),
        *rows,
    ]


def training_runs(model: Any, checkpoint_mlp: Any, frames: int) -> dict[str, Run]:
    """Forward and backward passes of one clip."""
    one, less = Case(model, 1, frames), Case(checkpoint_mlp, 1, frames)
    return {
        'encoder': one.encoder_step,
        'fast': backward(model, one.fast),
        'reference': backward(model, one.reference),
        'checkpoint_mlp': backward(checkpoint_mlp, less.fast),
    }


def text(model: Any, target: str, warm: bool = True) -> list[Row]:
    """Forward and backward pass of the text branch, with one prompt for each class."""
    head = model.cls_head.train()
    runs = {
        'reference': lambda: reference_text(head).sum().backward(),
        'fast': lambda: head.class_features().sum().backward(),
    }
    found = interleaved(runs, warm=warm)
    ends = head.prompt_learner.end
    name = f'text branch, {len(ends)} classes, {sum(ends) / len(ends) + 1:.0f} tokens ÷ reference'
    return [ratio_row(name, found['fast'], found['reference'], target)]


def evaluation(model: Any) -> list[Row]:
    """Evaluation, from the second batch on."""
    model.eval()
    case = Case(model, 1)
    with torch.no_grad():
        found = interleaved(
            {'encoder': case.encoder, 'fast': case.fast, 'reference': case.reference}
        )
    return [
        ratio_row('evaluation, 1 clip ÷ image encoder', found['fast'], found['encoder'], '≤ 0.95'),
        ratio_row('reference, evaluation ÷ image encoder', found['reference'], found['encoder']),
    ]


def arithmetic(config: str) -> list[Row]:
    """Operations, counted on the meta device."""
    case = Case(build(config).train().to('meta'), 8, device='meta')

    def step() -> None:
        # Without the autocast context of the head, which the meta device does not support.
        video, _ = case.model.extract_feat(case.frames, stage='neck')
        (video @ case.model.cls_head.class_features().T).sum().backward()

    ours = flops(step)
    return [
        Row('FLOP of a step, 8 clips ÷ image encoder', ours / flops(case.encoder_step), '≤ 0.95')
    ]
