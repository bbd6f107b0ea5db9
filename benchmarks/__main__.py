"""Measure everything on one CPU thread, print the table and write docs/performance.md.

PYTHONPATH=. python -m benchmarks
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import torch
from mmengine.registry import init_default_scope

import dferclip_mm  # noqa: F401 - registers the components

from . import data, models
from .measure import machine
from .models import Row

ROOT = Path(__file__).resolve().parent.parent
CONFIG = str(ROOT / 'configs' / 'dferclip_dfew.py')
HEAD = """# Speed and memory

DFER-CLIP with CLIP ViT-B/32 on clips of 16 frames of 224 x 224 pixels, random weights, float32.
Written by `make bench`.

- *image encoder*: open_clip's own visual tower on the same frames, forward and backward.
- *plain way*: the same model with 77 tokens of text, every token through every block and no kept
  text features (`benchmarks/plain.py`), as the original program computes it.
- Time is CPU time of one thread. What is compared runs alternately in one process; a ratio is the
  median over rounds and repeats to 1-4 %. Memory and FLOP are counted, not sampled.
"""
HONEST = """
What to expect: the savings are in the text branch and in the last blocks, so they fade with the
batch. At the paper's 48 clips and in equal precision arithmetic leaves about 1.1 x, not more.
Fused optimisers are not in the configs (`optim_wrapper.optimizer.fused=True` asks for one): where
fp16 loss scaling makes the first step overflow, PyTorch 2.14's fused SGD goes on with a momentum
that was never set. A row beyond its bar is a goal that is not reached yet.
No figure here is from a GPU; those are open.
"""


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ['| | measured | bar |', '|---|---:|---:|']
    for name, value, bar in rows:
        shown = f'{value:.1e}' if value < 1e-3 else f'{value:.3g}'
        lines.append(f'| {name} | {shown} | {bar} |')
    return '\n'.join(lines) + '\n'


def measure_models() -> list[Row]:
    """The rows that need no data."""
    rows = models.arithmetic(CONFIG)
    model = models.build(CONFIG)
    rows += models.equality(models.Case(model.train(), 2))
    rows += models.training(model)
    rows += models.text(model, 7, '≤ 0.40')
    rows += models.evaluation(model)
    del model
    emotions = ('a smile', 'a deep frown and narrowed eyes', 'wide eyes, raised brows, open mouth')
    prompts = [
        f'{emotions[n % 3]} with {emotions[n // 3 % 3]}'
        if n % 2
        else f'a face with {emotions[n % 3]}'
        for n in range(100)
    ]
    classes = [f'class {n}' for n in range(100)]
    many = models.build(CONFIG, classes=classes, prompts=prompts)
    return rows + models.text(many, 100, '≤ 0.32')


def measure_memory(path: Path) -> list[Row]:
    """The rows on memory, and their plot over frames."""
    matplotlib.use('agg')
    from matplotlib import pyplot

    counts = (8, 16, 32, 64)
    model = models.build(CONFIG)
    found = [models.memory(model, frames) for frames in counts]
    figure, axes = pyplot.subplots(figsize=(5, 3.2), layout='constrained')
    for name in found[0]:
        axes.plot(counts, [each[name] for each in found], marker='o', label=name)
    axes.set(
        xlabel='frames of a clip', ylabel='kept for backward (MiB)', xticks=counts, ylim=(0, None)
    )
    axes.legend()
    figure.savefig(path)
    return models.memory_rows(found[counts.index(16)])


def main() -> None:
    """Print the table and write the page."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    init_default_scope('mmaction')
    docs = ROOT / 'docs'
    docs.mkdir(exist_ok=True)
    rows = measure_models()
    rows += measure_memory(docs / 'memory.svg')
    with tempfile.TemporaryDirectory() as folder:
        rows += data.loading(CONFIG, Path(folder))
    plot = '![Memory for the backward pass over the frames of a clip](memory.svg)\n'
    page = f'{HEAD}\n{machine()}\n\n{table(rows)}\n{plot}{HONEST}'
    (docs / 'performance.md').write_text(page)
    print(page)


if __name__ == '__main__':
    main()
