"""What is kept for the backward pass, counted, over frames and clips; and time over frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from .measure import interleaved, saved_bytes
from .models import Case, Row, backward, saving

FRAMES, CLIPS = (8, 16, 32, 64), (1, 4, 16, 48)


def kept(model: Any, frames: int = 16, clips: int = 1) -> dict[str, float]:
    """MiB kept for the backward pass: the plain way, ours, lean, with checkpointing.

    Counted with tensors that have shapes and storages as on the CPU, but no numbers.
    """
    model.train()
    with_frames(model, frames)
    found = {}
    for name, settings in {
        'ours': (False, False),
        'lean': (True, False),
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


def with_frames(model: Any, frames: int) -> None:
    """Set the frames of a clip in place; a longer position table than was there is random."""
    rows, width = model.neck.pos_embed.shape[1:]
    if rows < frames + 1:
        model.neck.pos_embed = torch.nn.Parameter(torch.randn(1, frames + 1, width))
    model.neck.max_frames = max(frames, model.neck.max_frames)
    model.num_frames = frames


def memory_rows(one: Mapping[str, float], many: Mapping[str, float]) -> list[Row]:
    """The bars of one clip of 16 frames, and what a batch of the paper's size needs."""
    bars = {'ours': '≤ 0.82', 'lean': '≤ 0.55', 'checkpointing': '≤ 0.10'}
    return [
        *(
            Row(f'memory for backward, {name} ÷ plain way', one[name] / one['plain way'], bar)
            for name, bar in bars.items()
        ),
        *(
            Row(f'memory for backward, 48 clips, {name}, GiB', many[name] / 1024, '')
            for name in many
        ),
    ]


def seconds_over_frames(model: Any) -> list[float]:
    """CPU seconds of a training step of one clip, forward and backward, for each of `FRAMES`."""
    found = []
    for frames in FRAMES:
        with_frames(model.train(), frames)
        run = backward(model, Case(model, 1, frames).fast)
        found += interleaved({'ours': run}, rounds=1, warm=frames == FRAMES[0])['ours']
    with_frames(model, 16)
    return found


def growth(model: Any, path: Path) -> list[Row]:
    """Draw how memory and time grow with frames and clips; the rows on memory."""
    import matplotlib

    matplotlib.use('agg')
    from matplotlib import pyplot

    over_frames = [kept(model, frames) for frames in FRAMES]
    over_clips = [kept(model, 16, clips) for clips in CLIPS]
    seconds = seconds_over_frames(model)
    figure, axes = pyplot.subplots(1, 3, figsize=(10.5, 3.3), layout='constrained')
    for panel, counts, found in ((axes[0], FRAMES, over_frames), (axes[1], CLIPS, over_clips)):
        for name in found[0]:
            values = [each[name] / 1024 for each in found]
            panel.plot(counts, values, marker='o', label=name)
        panel.set(ylabel='kept for backward (GiB)')
    axes[2].plot(FRAMES, seconds, marker='o', color='C1', label='ours')
    axes[2].set(ylabel='training step (s, one thread)')
    for panel, counts, label in zip(
        axes,
        (FRAMES, CLIPS, FRAMES),
        ('frames, one clip', 'clips of 16 frames', 'frames, one clip'),
        strict=True,
    ):
        panel.set(xlabel=label, xticks=counts, xlim=(0, None), ylim=(0, None))
        panel.grid(alpha=0.3)
        panel.spines[['top', 'right']].set_visible(False)
    axes[1].set_xticks([1, 16, 32, 48])
    axes[0].legend(frameon=False)
    figure.savefig(path)
    pyplot.close(figure)
    growth_rate = seconds[-1] / seconds[1] / 4
    return [
        *memory_rows(over_frames[FRAMES.index(16)], over_clips[-1]),
        Row('training, seconds per frame, 64 frames ÷ 16', growth_rate, ''),
    ]
