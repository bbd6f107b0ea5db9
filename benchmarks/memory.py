"""Memory that is saved for the backward pass, over frames and clips; plotted with time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from .measure import saved_bytes
from .models import Case, copy_with_saving
from .table import Row

FRAMES, CLIPS = (8, 16, 32, 64), (1, 4, 16, 48)


def saved_mib(model: Any, frames: int = 16, clips: int = 1) -> dict[str, float]:
    """MiB saved for the backward pass: reference, ours, checkpoint_mlp and checkpointing.

    Counted with PyTorch's fake tensors, which have shapes and storages, but no values.
    """
    model.train()
    extend_positions(model, frames)
    found = {}
    for name, settings in {
        'ours': (False, False),
        'checkpoint_mlp': (True, False),
        'checkpointing': (False, True),
    }.items():
        other = copy_with_saving(model, *settings)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            use_fake_tensors(other, mode)
            case = Case(other, clips, frames)
            tensors = [*other.parameters(), *other.buffers()]
            if name == 'ours':
                found['reference'] = saved_bytes(case.reference, tensors) / 2**20
            found[name] = saved_bytes(case.fast, tensors) / 2**20
    return found


def use_fake_tensors(model: torch.nn.Module, mode: FakeTensorMode) -> None:
    """Replace the tensors of a model by fake ones, in place."""
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = mode.from_tensor(tensor)


def extend_positions(model: Any, frames: int) -> None:
    """Accept clips of up to `frames` frames; new position embeddings are random."""
    rows, width = model.neck.pos_embed.shape[1:]
    if rows < frames + 1:
        model.neck.pos_embed = torch.nn.Parameter(torch.randn(1, frames + 1, width))
    model.neck.max_frames = max(frames, model.neck.max_frames)
    # All frames of a clip are one view.
    model.num_frames = None


def memory_rows(one: Mapping[str, float], many: Mapping[str, float], clips: int) -> list[Row]:
    """The targets for one clip of 16 frames, and the memory of a batch of many clips."""
    targets = {'ours': '≤ 0.82', 'checkpoint_mlp': '≤ 0.55', 'checkpointing': '≤ 0.10'}
    return [
        *(
            Row(f'memory for backward, {name} ÷ reference', one[name] / one['reference'], target)
            for name, target in targets.items()
        ),
        *(
            Row(f'memory for backward, {clips} clips, {name}, GiB', many[name] / 1024)
            for name in many
        ),
    ]


def memory_growth(
    model: Any, path: Path, over_frames: Mapping[int, float], over_clips: Mapping[int, float]
) -> list[Row]:
    """Plot memory and time over frames and clips; returns the rows on memory.

    Args:
        model: as `saved_mib` takes it.
        path: of the plot.
        over_frames: seconds of a training step of one clip, by its frames.
        over_clips: the same by the clips, of 16 frames each.
    """
    over_frames_mib = [saved_mib(model, frames) for frames in FRAMES]
    over_clips_mib = [saved_mib(model, 16, clips) for clips in CLIPS]
    draw(
        path,
        dict(zip(FRAMES, over_frames_mib, strict=True)),
        dict(zip(CLIPS, over_clips_mib, strict=True)),
        {frames: {'ours': seconds} for frames, seconds in sorted(over_frames.items())},
        {clips: {'ours': seconds} for clips, seconds in sorted(over_clips.items())},
    )
    return memory_rows(over_frames_mib[FRAMES.index(16)], over_clips_mib[-1], CLIPS[-1])


def draw(path: Path, *panels: Mapping[int, Mapping[str, float]]) -> None:
    """Plot memory over frames and clips, then seconds over frames and clips."""
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
            ylabel='saved for backward (GiB)' if in_gib else 'training step (s, one thread)',
            xticks=[*found],
            xlim=(0, None),
            ylim=(0, None),
        )
        axis.grid(alpha=0.3)
        axis.spines[['top', 'right']].set_visible(False)
    axes.flat[0].legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)
