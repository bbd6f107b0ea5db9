"""The page that is written: what is compared with what, the figures, what to expect."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import machine
from .table import Row, table

HEAD = """# Speed and memory

DFER-CLIP with CLIP ViT-B/32 on clips of 16 frames of 224 x 224 pixels, random weights, float32.
Written by `make bench`; what was measured by hand stands in [speed_notes.md](speed_notes.md).

- *image encoder*: open_clip's own visual tower on the same frames, forward and backward.
- *plain way*: the same model with 77 tokens of text, every token through every block and no kept
  text features (`benchmarks/plain.py`), as the original program computes it.
- *original*, of loading: frames by Pillow, one by one, made floats in the loader
  (`benchmarks/pillow.py`).
- Time is CPU time of one thread, the system's part included. What is compared runs alternately in
  one process, in reverse order every other round. A figure is the median over the rounds, a ratio
  that of the ratios within each round; *range* is the lowest and the highest.
- There are 3 rounds, 11 of the optimisers and of loading. One before them is left out, but where
  steps are long, in training and with 100 classes: there, shorter steps of the same code are run
  before. The picture's times of 8 frames and of 2 clips are of one round.
- Through a worker process (7 rounds): the CPU time of the worker and of the process that takes its
  batches, since wall clock would tell of the neighbours too; the two ways run one after the other.
- Memory and FLOP are counted, not timed: the same each time. Logits and gradients are compared on
  2 clips of 8 frames.
- Page faults are part of the time. glibc gives buffers above 32 MiB back to the system after each
  use, so that every step pays for its memory anew, on both sides of a ratio.
- A row beyond its bar is a goal that is not reached on this machine.
"""
EXPECT = """
## What to expect
The savings are in the text branch and in the last blocks, so they fade with the batch. At the
paper's 48 clips and in equal precision arithmetic leaves about 1.1 x, not more.

- *Where they come from*: prompts end at their own last token; the last block of each tower is
  computed for the one token that is read; attention goes batch first, without the copies of
  `nn.MultiheadAttention`; QuickGELU is SiLU between two factors that the linear layers take in.
- *Fused SGD* reads three arrays and writes two, once; the default step goes over them eleven times.
  It cannot be faster than the memory that it goes through, which the row of bare passes shows.
- *bfloat16*: `--amp` takes it on the CPU, float16 with a scaled loss on a GPU
  (`optim_wrapper.dtype='bfloat16'` for the other). It needs AMX or AVX512-BF16 to be fast on a CPU.
- *`compile=True`* compiles the model, not the optimiser; no config asks for it.

What was tried and left out, and figures of one machine on all of these, are in
[speed_notes.md](speed_notes.md).
"""
OPEN = '\nNo figure here is from a GPU; those are open. With one, `make bench` adds them.\n'


def page(rows: Sequence[Row], minutes: float, gpu: str) -> str:
    """The whole page; `gpu` is its section on the GPU."""
    plot = '![Memory and time over the frames and clips of a step](memory.svg)\n'
    took = f'All of it took {minutes:.1f} minutes.\n'
    return f'{HEAD}\n{machine()}\n\n{table(rows)}\n{took}\n{plot}{EXPECT}{gpu}'
