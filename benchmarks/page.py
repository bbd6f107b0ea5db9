"""The text of docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import machine
from .table import Row, table

HEAD = """# Speed and memory

DFER-CLIP with CLIP ViT-B/32 on clips of 16 frames of 224 x 224 pixels, random weights, float32.
Written by `make bench`; measurements by hand are in [speed_notes.md](speed_notes.md).

- *image encoder*: open_clip's own visual tower on the same frames, forward and backward.
- *reference*: the same model with 77 tokens of text, every token through every block and no cached
  text features (`benchmarks/reference.py`), as in the original code.
- *original*, for loading: Pillow, frame by frame, with floats made in the loader
  (`benchmarks/pillow.py`).
- Time is CPU time of one thread, system time included. The two sides of a ratio run alternately in
  one process, in reverse order every second round. A figure is the median over the rounds, a ratio
  the median of the ratios within each round; *range* is the lowest and the highest.
- There are 3 rounds, and 11 for optimizers and loading, after one round of warm-up. Where steps are
  long (training, 100 classes), shorter steps of the same code warm up. The times of 8 frames
  and of 2 clips in the plot are of one round.
- Through a worker process (7 rounds): the CPU time of the worker and of the process that receives
  its batches; the two sides run one after the other.
- Memory and operations are counted and do not vary. Logits and gradients are compared on 2 clips of
  8 frames.
- *own video*: faces found, followed, encoded and answered, tables and plot written; wall clock on
  two threads, of a machine with two free cores. Memory is the peak of a process that analyses
  64 x 48 pixels at 25 frames per second with a face in each, and encodes few of them.
- Page faults are part of the time: glibc returns buffers above 32 MiB to the system after each use,
  on both sides of a ratio.
- A row that misses its target is a goal that is not reached on this machine.
"""
EXPECT = """
## What to expect
The savings are in the text branch and in the last blocks: their share shrinks as the batch grows.
At the paper's 48 clips and in equal precision about 1.1 x remains.

- *Sources*: prompts end at their last token; the last block of each tower is computed only for the
  token that is used; attention is batch-first, without the copies of `nn.MultiheadAttention`;
  QuickGELU is computed as SiLU, with its factors folded into the linear layers.
- *Fused SGD* reads three arrays and writes two, once; the default step, eleven times.
  Memory bandwidth is its limit, as the row of five passes shows.
- *bfloat16*: `--amp` uses it on the CPU, and float16 with a scaled loss on a GPU
  (`optim_wrapper.dtype='bfloat16'` for bfloat16). It needs AMX or AVX512-BF16 to be fast on a CPU.
- *`compile=True`* compiles the model, not the optimizer; no config uses it.

What was tried and dropped, and figures of one machine, are in [speed_notes.md](speed_notes.md).
"""
OPEN = '\nNo figure here is from a GPU. On a machine with one, `make bench` adds them.\n'


def page(rows: Sequence[Row], minutes: float, gpu: str) -> str:
    """The whole page; `gpu` is its section on the GPU."""
    plot = '![Memory and time over the frames and clips of a step](memory.svg)\n'
    took = f'The whole measurement took {minutes:.1f} minutes.\n'
    return f'{HEAD}\n{machine()}\n\n{table(rows)}\n{took}\n{plot}{EXPECT}{gpu}'
