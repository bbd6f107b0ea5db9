"""What a step costs from kept frame features, beside a step that trains everything."""

from __future__ import annotations

import statistics
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

from dferclip_mm.datasets.fingerprints import held_still
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
            features = rng.standard_normal((frames, width), np.float32)
            with held_still(str(path)) as state:
                writer.add(str(path), features, state)
    settings.cache = str(folder / 'features')
    pipeline = Compose(cfg.train_pipeline)
    for step in pipeline.transforms:
        if isinstance(step, OpenFrameFeatures):
            step.confirm({}, [str(path) for path in paths])
    items = [dict(filename=str(path), label=n % 7) for n, path in enumerate(paths)]
    return lambda: pseudo_collate([pipeline(dict(item)) for item in items])


def beside(full: Run, cached: Run) -> float:
    """A full step ÷ the cached steps before and after it: a change of clock shows in neither."""
    before = seconds(cached)
    took = seconds(full)
    return 2 * took / (before + seconds(cached))


def frozen(model: Any, config: str, clips: int = 4, rounds: int = 3) -> list[Row]:
    """A step from the cache, its loading included, against full fine-tuning of the same batch.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads the cache.
        clips: B.
        rounds: of the cached step and of our full one; the plain one runs once.
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

        cached = step_of(model, behind, cached_loss)
        found = interleaved({'cached': cached, 'loading': load}, rounds)
        # The first round also pays for touching its memory; the median leaves it out.
        full = step_of(model, everything, backward(model, case.fast))
        ours = statistics.median(beside(full, cached) for _ in range(rounds))
        plain = beside(step_of(model, everything, backward(model, case.plain)), cached)
    model.zero_grad()
    return [
        Row(
            f'cached step: our full fine-tuning step ÷ cached, {clips} clips',
            ours,
            '',
        ),
        Row(
            f'cached step: plain full fine-tuning step ÷ cached, {clips} clips',
            plain,
            '≥ 45',
        ),
        Row(
            'cached step: loading ÷ cached',
            ratio(found['loading'], found['cached']),
            '',
        ),
    ]
