"""An exported model against PyTorch on two cores, and what each shipped config computes.

PYTHONPATH=. python -m benchmarks.export

measures this part alone and writes it into docs/performance.md.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config

from dferclip_mm.engine.model import load_model
from dferclip_mm.export import describe_model, write_onnx
from dferclip_mm.export.onnx_file import INPUT, Probabilities, open_session

from . import models
from .measure import flops, machine, prepare
from .table import Row, ratio_row, table

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / 'configs'
DEMO = 'demo_dferclip'
BEGIN, END = '<!-- export -->', '<!-- end of export -->'
CORES, ROUNDS = 2, 7
HEAD = f"""
## Exported to ONNX

Wall clock on {CORES} cores, 1 clip of 16 frames through ONNX Runtime and through PyTorch in
eager mode, text features kept; medians of {ROUNDS} rounds, the three sides of a round one after
the other, after a round of warm-up. ViT-B/32 with random weights. Accuracy: the demonstration's
model on its drawn test clips.
"""
SHIPPED = """
Parameters and floating-point operations of one clip (matrix products, the texts encoded once with
it); configs with the same figures in one row:

| configs | parameters, M | of these the text tower | GFLOP | of these the texts |
|---|---:|---:|---:|---:|
"""


def run_session(path: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file as a function of frames."""
    session = open_session(path, threads)
    return lambda frames: session.run(None, {INPUT: frames})[0]


def scorers(model: Any, shape: tuple[int, ...], folder: Path) -> dict[str, Callable]:
    """A model in PyTorch, in ONNX Runtime, and there in INT8."""
    for name in ('float32', 'int8'):
        write_onnx(model, folder / f'{name}.onnx', shape, int8=name == 'int8')
    scorer = Probabilities(model).eval()

    @torch.no_grad()
    def eager(frames: np.ndarray) -> np.ndarray:
        return scorer(torch.from_numpy(frames)).numpy()

    files = {name: run_session(folder / f'{name}.onnx', CORES) for name in ('float32', 'int8')}
    return {'eager': eager, **files}


def speed_and_size(model: Any, frames: int, folder: Path) -> list[Row]:
    """Times of a clip, and sizes of the files."""
    shape = (frames, *model.backbone.image_size)
    whole = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    runs = scorers(model, shape, folder)
    clip = np.random.default_rng(0).integers(0, 256, (1, *shape, 3)).astype(np.uint8)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run(clip)
            if number:
                seconds[name].append(time.perf_counter() - start)
    sizes = {name: (folder / f'{name}.onnx').stat().st_size for name in ('float32', 'int8')}
    return [
        ratio_row('ONNX Runtime ÷ PyTorch', seconds['float32'], seconds['eager'], '≤ 0.9'),
        ratio_row('the same in INT8', seconds['int8'], seconds['eager'], '≤ 0.6'),
        Row('weights of the model, MiB', whole / 2**20),
        Row('ONNX file, without the text tower, MiB', sizes['float32'] / 2**20),
        Row('the same in INT8, MiB', sizes['int8'] / 2**20),
    ]


def accuracy(checkpoint: Path, folder: Path) -> list[Row]:
    """What the files answer on the test clips of the demonstration."""
    cfg = Config.fromfile(CONFIGS / f'{DEMO}.py')
    model = load_model(cfg, str(checkpoint))
    about = describe_model(cfg, model)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    items = [dataset[number] for number in range(len(dataset))]
    labels = np.array([int(item['data_samples'].gt_label) for item in items])
    clips = [item['inputs'].permute(0, 2, 3, 1)[None].contiguous().numpy() for item in items]
    runs = scorers(model, (about['num_frames'], *about['size']), folder)
    scores = {name: np.concatenate([run(clip) for clip in clips]) for name, run in runs.items()}
    right = {name: each.argmax(axis=1) == labels for name, each in scores.items()}
    rows = [Row('accuracy on drawn clips, PyTorch, %', 100 * float(right['eager'].mean()))]
    for name in ('float32', 'int8'):
        change = right[name].mean() - right['eager'].mean()
        far = float(abs(scores[name] - scores['eager']).max())
        rows += [
            Row(f'its change in ONNX Runtime, {name}, points', 100 * float(change)),
            Row(f'largest change of a probability, {name}', far),
        ]
    return rows


def count(path: Path) -> tuple[float, float, float, float]:
    """Parameters in millions and GFLOP of a config, each with the share of the texts in percent."""
    cfg = Config.fromfile(path)
    for part in (cfg.model.backbone, cfg.model.cls_head.get('text_encoder')):
        for name in ('pretrained', 'pretrained2d', 'init_cfg'):
            if part and name in part:
                part[name] = False if name == 'pretrained2d' else None
    if 'text_encoder' not in cfg.model.cls_head or cfg.get('test_dataloader') is None:
        raise ValueError(f'{path}: no text tower, or nothing to test')
    cfg.model.cls_head.classes = cfg.model.cls_head.get('classes') or 'dfew'
    model = MODELS.build(cfg.model).eval()
    about = describe_model(cfg, model)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    sizes = {name: value.numel() for name, value in tensors.items()}
    texts = sum(size for name, size in sizes.items() if name.startswith('cls_head.text_encoder.'))
    model.to('meta')
    frames = torch.empty(1, about['num_frames'], 3, *about['size'], device='meta')
    if not hasattr(model, 'num_frames'):
        frames = frames.transpose(1, 2)[None]
    with torch.no_grad():
        video = flops(lambda: model.extract_feat(frames, stage='neck'))
        text = flops(lambda: model.cls_head.encode_classes())
    total = sum(sizes.values())
    whole = video + text
    return total / 1e6, 100 * texts / total, whole / 1e9, 100 * text / whole


def shipped() -> str:
    """The lines of the table of the shipped configs that score classes."""
    rows: dict[str, list[str]] = {}
    for path in sorted(CONFIGS.glob('*.py')):
        try:
            size, of_texts, operations, texts = count(path)
        except ValueError:
            # Regression, cached features, and configs for training only.
            continue
        figures = f'{size:.1f} | {of_texts:.0f} % | {operations:.1f} | {texts:.0f} %'
        rows.setdefault(figures, []).append(path.stem)
    return '\n'.join(f'| {", ".join(names)} | {figures} |' for figures, names in rows.items())


def section() -> str:
    """This part of the page."""
    torch.set_num_threads(CORES)
    with tempfile.TemporaryDirectory() as folder:
        model = models.build(str(CONFIGS / 'dferclip_dfew.py')).eval()
        rows = speed_and_size(model, 16, Path(folder))
        found = sorted((ROOT / 'work_dirs' / DEMO).glob('best_*.pth'))
        rows += accuracy(found[-1], Path(folder)) if found else []
    torch.set_num_threads(1)
    where = machine().replace('one thread', f'{CORES} threads')
    return f'{BEGIN}{HEAD}\n{where}\n\n{table(rows)}{SHIPPED}{shipped()}\n{END}\n'


def main() -> None:
    """Write this part into the page."""
    prepare()
    page = ROOT / 'docs' / 'performance.md'
    text, part = page.read_text(), section()
    before, _, rest = text.partition(BEGIN)
    page.write_text(f'{before.rstrip()}\n\n{part}{rest.partition(END)[2].lstrip()}')
    print(part)


if __name__ == '__main__':
    main()
