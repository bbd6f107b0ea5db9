"""What a step costs from kept frame features, beside a step that trains everything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from dferclip_mm.datasets.frame_cache_writer import FrameCacheWriter
from dferclip_mm.datasets.transforms import OpenFrameFeatures

from .data import draw_clips
from .measure import Run, interleaved, ratio, seconds
from .models import Case, Row, backward


def step_of(model: Any, optimizer: torch.optim.Optimizer, loss: Run) -> Run:
    """Forward, backward and the optimiser."""

    def run() -> None:
        model.zero_grad()
        loss()
        optimizer.step()

    return run


def sgd(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.SGD:
    """The paper's optimiser, at a rate that leaves the weights for the next measurement."""
    trained = [p for p in parameters if p.requires_grad]
    return torch.optim.SGD(trained, lr=1e-12, momentum=0.9, weight_decay=1e-4)


def cached_loader(config: str, folder: Path, width: int, clips: int) -> Run:
    """A batch of clips from a cache on the disk, through the training pipeline of a config."""
    paths = draw_clips(folder, clips)
    cfg = Config.fromfile(config)
    settings = next(s for s in cfg.train_pipeline if s['type'] == 'OpenFrameFeatures')
    identity = dict(pixels=settings.pixels, dtype=settings.dtype, width=width)
    rng = np.random.default_rng(0)
    with FrameCacheWriter(folder / 'features', identity, folder) as writer:
        for path in paths:
            frames = len(list(path.glob('*.jpg')))
            writer.add(str(path), rng.standard_normal((frames, width), np.float32))
    settings.cache = str(folder / 'features')
    pipeline = Compose(cfg.train_pipeline)
    for step in pipeline.transforms:
        if isinstance(step, OpenFrameFeatures):
            step.confirm({}, [str(path) for path in paths])
    items = [dict(filename=str(path), label=n % 7) for n, path in enumerate(paths)]
    return lambda: pseudo_collate([pipeline(dict(item)) for item in items])


def frozen(model: Any, config: str, clips: int = 4, rounds: int = 5) -> list[Row]:
    """A step from the cache, its loading included, against full fine-tuning of the same batch.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads the cache.
        clips: B.
        rounds: of the cached step; the full ones take seconds each, and run once.
    """
    model.train()
    # Pixels are made before: decoding is not in the price of a full step.
    case = Case(model, clips)
    everything = sgd(model.parameters())
    behind = sgd([*model.neck.parameters(), *model.cls_head.parameters()])
    with tempfile.TemporaryDirectory() as folder:
        load = cached_loader(config, Path(folder), model.backbone.visual.output_dim, clips)

        def cached_loss() -> None:
            batch = load()
            features = torch.stack(batch['inputs']).float()
            target = torch.tensor([int(s.gt_label) for s in batch['data_samples']])
            F.cross_entropy(model(features, stage='head'), target).backward()

        # The first pass of this size pays for touching its memory.
        case.plain()
        cached = step_of(model, behind, cached_loss)
        found = interleaved({'cached': cached, 'loading': load}, rounds)
        # Cached steps on both sides of each full one, so that a change of clock shows in none.
        before = seconds(cached)
        ours = seconds(step_of(model, everything, backward(model, case.fast)))
        between = seconds(cached)
        plain = seconds(step_of(model, everything, backward(model, case.plain)))
        after = seconds(cached)
    model.zero_grad()
    return [
        Row(
            f'plain full fine-tuning step ÷ step from cached features, {clips} clips',
            2 * plain / (between + after),
            '≥ 45',
        ),
        Row(
            f'our full fine-tuning step ÷ step from cached features, {clips} clips',
            2 * ours / (before + between),
            '',
        ),
        Row(
            'loading of cached features ÷ step from them',
            ratio(found['loading'], found['cached']),
            '',
        ),
    ]
