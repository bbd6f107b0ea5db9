"""Measure everything on one CPU thread, print the table and write docs/performance.md.

PYTHONPATH=. python -m benchmarks

Where there is a GPU, the paper's batch is measured on it as well.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

import dferclip_mm  # noqa: F401 - registers the components

from . import data, frozen, gpu, memory, models
from .measure import apart, machine, prepare
from .models import Row

ROOT = Path(__file__).resolve().parent.parent
CONFIG = str(ROOT / 'configs' / 'dferclip_dfew.py')
CACHED = str(ROOT / 'configs' / 'dferclip_dfew_cached.py')
HEAD = """# Speed and memory

DFER-CLIP with CLIP ViT-B/32 on clips of 16 frames of 224 x 224 pixels, random weights, float32.
Written by `make bench`.

- *image encoder*: open_clip's own visual tower on the same frames, forward and backward.
- *plain way*: the same model with 77 tokens of text, every token through every block and no kept
  text features (`benchmarks/plain.py`), as the original program computes it.
- Time is CPU time of one thread. What is compared runs alternately in one process; a ratio is the
  median over rounds and repeats to 1-4 %. Memory and FLOP are counted, not sampled.
- A row beyond its bar is a goal that is not reached on this machine.
"""
HONEST = """
## What to expect
The savings are in the text branch and in the last blocks, so they fade with the batch. At the
paper's 48 clips and in equal precision arithmetic leaves about 1.1 x, not more.

- *Where they come from*: prompts end at their own last token; the last block of each tower is
  computed for the one token that is read; attention goes batch first, without the copies of
  `nn.MultiheadAttention`; QuickGELU is SiLU between two factors that the linear layers take in.
- *Fused SGD*: the default step goes over its tensors eleven times, the fused one five, at 62 GB/s,
  which is this memory's speed. A cache of 32 MiB, as here, holds a weight of CLIP and serves the
  default step's repeated passes faster: what it holds gains 0.5 to 0.6, one tensor of 85 million
  values 0.15. AdamW gains more.
- *bfloat16*: `--amp` takes it on the CPU, float16 with a scaled loss on a GPU
  (`optim_wrapper.dtype='bfloat16'` for the other). It needs AMX or AVX512-BF16 to be fast on a CPU,
  and its logits differ by up to 0.05 at a scale of 100.
- *`compile=True`* compiles the model, not the optimiser. With an earlier form of the towers it
  gained 3 to 5 % on a CPU, after 44 s for the first batch: no config asks for it.

Left out, since they do not pay (training step of one clip, against the way without): channels-last
frames 1.01, patches as a matrix product in place of the convolution 1.00 to 1.02, QuickGELU as an
autograd function of its own 1.01 to 1.03, `foreach` optimisers on a CPU 1.5 to 3.5 of the default
step, computing the start token of all prompts once (3.6 % of the text's tokens).
"""
OPEN = '\nNo figure here is from a GPU; those are open. With one, `make bench` adds them.\n'


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ['| | measured | bar |', '|---|---:|---:|']
    for name, value, bar in rows:
        shown = f'{value:.1e}' if value < 1e-3 else f'{value:.3g}'
        lines.append(f'| {name} | {shown} | {bar} |')
    return '\n'.join(lines) + '\n'


def many_classes() -> list[Row]:
    """The text branch with a hundred prompts of different lengths."""
    emotions = ('a smile', 'a deep frown and narrowed eyes', 'wide eyes, raised brows, open mouth')
    prompts = [
        f'{emotions[n % 3]} with {emotions[n // 3 % 3]}'
        if n % 2
        else f'a face with {emotions[n % 3]}'
        for n in range(100)
    ]
    classes = [f'class {n}' for n in range(100)]
    model = models.build(CONFIG, classes=classes, prompts=prompts)
    return models.text(model, 100, '≤ 0.32')


def measure(folder: Path, picture: Path) -> list[Row]:
    """Every row of the CPU, told as it goes; the picture of memory and time is drawn."""
    model = models.build(CONFIG)
    parts: dict[str, Callable[[], list[Row]]] = {
        'arithmetic': lambda: models.arithmetic(CONFIG),
        'equality': lambda: models.equality(models.Case(model.train(), 2)),
        'training': lambda: models.training(model),
        'text': lambda: models.text(model, 7, '≤ 0.40'),
        'many classes': many_classes,
        'evaluation': lambda: models.evaluation(model),
        'memory': lambda: memory.growth(model, picture),
        'frozen backbone': lambda: frozen.frozen(model, CACHED),
        'data': lambda: apart(data.loading, CONFIG, folder),
    }
    rows = []
    for name, part in parts.items():
        start = time.perf_counter()
        found = part()
        print(f'{name}: {time.perf_counter() - start:.0f} s\n{table(found)}', flush=True)
        rows += found
    return rows


def measure_gpu() -> str:
    """The section on the GPU, where there is one."""
    if not torch.cuda.is_available():
        return OPEN
    with tempfile.TemporaryDirectory() as folder:
        rows = gpu.rows(models.build(CONFIG), CONFIG, Path(folder))
    title = f'\n## {torch.cuda.get_device_name()}, 48 clips, random weights\n'
    return f'{title}PyTorch {torch.__version__}; wall clock, medians of ten.\n\n{table(rows)}'


def main() -> None:
    """Print the table and write the page."""
    prepare()
    start = time.perf_counter()
    docs = ROOT / 'docs'
    docs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), docs / 'memory.svg')
    minutes = (time.perf_counter() - start) / 60
    plot = '![Memory and time over the frames and clips of a step](memory.svg)\n'
    took = f'All of it took {minutes:.1f} minutes.\n'
    page = f'{HEAD}\n{machine()}\n\n{table(rows)}\n{took}\n{plot}{HONEST}{measure_gpu()}'
    (docs / 'performance.md').write_text(page)
    print(page)


if __name__ == '__main__':
    main()
