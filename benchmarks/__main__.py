"""Measure everything on one CPU thread, print the table and write docs/performance.md.

PYTHONPATH=. python -m benchmarks

Where there is a GPU, the paper's batch is measured on it as well.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import dferclip_mm  # noqa: F401 - registers the components

from . import data, export, gpu, models, own_video
from .batches import batches
from .measure import in_own_process, prepare
from .page import OPEN, page
from .table import Row, table

ROOT = Path(__file__).resolve().parent.parent
CONFIG = str(ROOT / 'configs' / 'dferclip_dfew.py')
CACHED = str(ROOT / 'configs' / 'dferclip_dfew_frozen_cached.py')
DESCRIPTIONS = ROOT / 'dferclip_mm' / 'prompts' / 'descriptions.json'
ROUNDS_ON_GPU = 10


def many_classes() -> list[Row]:
    """The text branch with a hundred prompts of different lengths."""
    prompts = models.many_prompts(json.loads(DESCRIPTIONS.read_text()))
    classes = [f'class {n}' for n in range(len(prompts))]
    model = models.build(CONFIG, classes=classes, prompts=prompts)
    # Without warm-up: a round takes long, and the same code has just run with seven classes.
    return models.text(model, '≤ 0.32', warm=False)


def measure(folder: Path, picture: Path) -> list[Row]:
    """All rows of the CPU, printed part by part; plots memory and time into `picture`."""
    model = models.build(CONFIG)
    parts: dict[str, Callable[[], list[Row]]] = {
        'arithmetic': lambda: models.arithmetic(CONFIG),
        'equality': lambda: models.equality(models.Case(model.train(), 2, 8)),
        'training': lambda: models.training(model),
        'text': lambda: models.text(model, '≤ 0.40'),
        'many classes': many_classes,
        'evaluation': lambda: models.evaluation(model),
        'batches': lambda: batches(model, CACHED, picture),
        'data': lambda: in_own_process(data.loading, CONFIG, folder),
        'own video': lambda: in_own_process(own_video.speed, CONFIG, folder),
        'memory of own videos': lambda: own_video.memory(CONFIG, folder),
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
        rows = gpu.rows(models.build(CONFIG), CONFIG, Path(folder), rounds=ROUNDS_ON_GPU)
    title = f'\n## {torch.cuda.get_device_name()}, 48 clips, random weights\n'
    how = f'wall clock, medians of {ROUNDS_ON_GPU} rounds after two of warm-up'
    waiting = 'Waiting for data is timed after the batches that the workers have prefetched.'
    return f'{title}PyTorch {torch.__version__}; {how}. {waiting}\n\n{table(rows)}'


def main() -> None:
    """Print the table and write the page."""
    prepare()
    start = time.perf_counter()
    docs = ROOT / 'docs'
    docs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), docs / 'memory.svg')
    minutes = (time.perf_counter() - start) / 60
    text = f'{page(rows, minutes, measure_gpu())}\n{export.section()}'
    (docs / 'performance.md').write_text(text)
    print(text)


if __name__ == '__main__':
    main()
