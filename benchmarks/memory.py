"""What is kept for the backward pass, counted, over frames and clips; drawn beside time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from .measure import saved_bytes
from .models import Case, saving
from .table import Row

FRAMES, CLIPS = (8, 16, 32, 64), (1, 4, 16, 48)


def kept(model: Any, frames: int = 16, clips: int = 1) -> dict[str, float]:
    """MiB kept for the backward pass: the plain way, ours, checkpoint_mlp, with checkpointing.

    Counted with tensors that have shapes and storages as on the CPU, but no numbers.
    """
    model.train()
    allow_frames(model, frames)
    found = {}
    for name, settings in {
        'ours': (False, False),
        'checkpoint_mlp': (True, False),
        'checkpointing': (False, True),
    }.items():
        other = saving(model, *settings)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            leave_numbers_out(other, mode)
            case = Case(other, clips, frames)
            tensors = [*other.parameters(), *other.buffers()]
            if name == 'ours':
                found['plain way'] = saved_bytes(case.plain, tensors) / 2**20
            found[name] = saved_bytes(case.fast, tensors) / 2**20
    return found


def leave_numbers_out(model: torch.nn.Module, mode: FakeTensorMode) -> None:
    """Put tensors without numbers in the place of a model's, in place."""
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = mode.from_tensor(tensor)


def allow_frames(model: Any, frames: int) -> None:
    """Take clips of any length up to this one; a longer position table than was there is random."""
    rows, width = model.neck.pos_embed.shape[1:]
    if rows < frames + 1:
        model.neck.pos_embed = torch.nn.Parameter(torch.randn(1, frames + 1, width))
    model.neck.max_frames = max(frames, model.neck.max_frames)
    # All frames that come are one view.
    model.num_frames = None


def memory_rows(one: Mapping[str, float], many: Mapping[str, float], clips: int) -> list[Row]:
    """The bars of one clip of 16 frames, and what a batch of many clips needs."""
    bars = {'ours': '≤ 0.82', 'checkpoint_mlp': '≤ 0.55', 'checkpointing': '≤ 0.10'}
    return [
        *(
            Row(f'memory for backward, {name} ÷ plain way', one[name] / one['plain way'], bar)
            for name, bar in bars.items()
        ),
        *(
            Row(f'memory for backward, {clips} clips, {name}, GiB', many[name] / 1024)
            for name in many
        ),
    ]


def growth(
    model: Any, path: Path, over_frames: Mapping[int, float], over_clips: Mapping[int, float]
) -> list[Row]:
    """Draw how memory and time grow with frames and clips; the rows on memory.

    Args:
        model: as `kept` takes it.
        path: of the picture.
        over_frames: seconds of a training step of one clip, by its frames.
        over_clips: the same by the clips, of 16 frames each.
    """
    kept_frames = [kept(model, frames) for frames in FRAMES]
    kept_clips = [kept(model, 16, clips) for clips in CLIPS]
    draw(
        path,
        dict(zip(FRAMES, kept_frames, strict=True)),
        dict(zip(CLIPS, kept_clips, strict=True)),
        {frames: {'ours': seconds} for frames, seconds in sorted(over_frames.items())},
        {clips: {'ours': seconds} for clips, seconds in sorted(over_clips.items())},
    )
    return memory_rows(kept_frames[FRAMES.index(16)], kept_clips[-1], CLIPS[-1])


def draw(path: Path, *panels: Mapping[int, Mapping[str, float]]) -> None:
    """Memory over frames, over clips; seconds over frames, over clips; each by name."""
    import matplotlib

    matplotlib.use('agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(8, 6), layout='constrained')
    for number, (axis, found) in enumerate(zip(axes.flat, panels, strict=True)):
        in_gib = number < 2
        for name in next(iter(found.values())):
            values = [each[name] / (1024 if in_gib else 1) for each in found.values()]
            color = None if in_gib else 'C1'
            axis.plot([*found], values, marker='o', label=name, color=color)
        axis.set(
            xlabel='clips of 16 frames' if number % 2 else 'frames, one clip',
            ylabel='kept for backward (GiB)' if in_gib else 'training step (s, one thread)',
            xticks=[*found],
            xlim=(0, None),
            ylim=(0, None),
        )
        axis.grid(alpha=0.3)
        axis.spines[['top', 'right']].set_visible(False)
    axes.flat[0].legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)
