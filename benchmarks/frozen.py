"""The cost of a step from stored frame features, compared with a step that trains everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.frame_features import FORMAT, write_features
from dferclip_mm.precompute.source_clips import SourceState

from .corpus import draw_clips
from .measure import Run
from .table import Row, compared

# Of the cached step in each round.
STEPS = 4


def sgd(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.SGD:
    """The paper's optimiser, at a rate that leaves the weights for the next measurement."""
    trained = [p for p in parameters if p.requires_grad]
    return torch.optim.SGD(trained, lr=1e-12, momentum=0.9, weight_decay=1e-4)


def cached_loader(config: str, folder: Path, width: int, clips: int) -> Run:
    """A batch of clips from a cache on the disk, through the training pipeline of a config."""
    paths = draw_clips(folder, clips)
    cfg = Config.fromfile(config)
    settings = next(s for s in cfg.train_pipeline if s['type'] == 'FrameFeaturesInit')
    settings.cache = str(folder / 'features')
    store = ClipStore(settings.cache, FORMAT, dict(dtype=settings.dtype))
    rng = np.random.default_rng(0)
    for path in paths:
        frames = len(list(path.glob('*.jpg')))
        features = rng.standard_normal((frames, width), np.float32)
        write_features(store, path.name, features, SourceState.of(str(path)))
    pipeline = Compose(cfg.train_pipeline)
    # As the check at the start of a run does.
    pipeline.transforms[0].clip_folders = [folder]
    items = [dict(filename=str(path), label=n % 7) for n, path in enumerate(paths)]
    return lambda: pseudo_collate([pipeline(dict(item)) for item in items])


def cached_runs(model: Any, config: str, folder: Path, clips: int) -> dict[str, Run]:
    """Steps from the cache with loading; loading only; SGD of a full step.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads the cache.
        folder: empty, for the cache.
        clips: B.
    """
    everything = sgd(model.parameters())
    behind = sgd([*model.neck.parameters(), *model.cls_head.parameters()])
    load = cached_loader(config, folder, model.backbone.visual.output_dim, clips)

    def cached() -> None:
        batch = load()
        features = torch.stack(batch['inputs']).float()
        target = torch.tensor([int(s.gt_label) for s in batch['data_samples']])
        behind.zero_grad()
        F.cross_entropy(model(features, stage='head'), target).backward()
        behind.step()

    return {'cached': repeated(cached), 'loading': repeated(load), 'SGD': everything.step}


def repeated(run: Run) -> Run:
    """`STEPS` times: a single step is too short to measure."""

    def runs() -> None:
        for _ in range(STEPS):
            run()

    return runs


def cached_rows(found: Mapping[str, list[float]], clips: int) -> list[Row]:
    """Full fine-tuning of a batch, which is decoded already, against its step from the cache.

    Args:
        found: seconds of `cached_runs`, and of the forward and backward pass of the full model,
            ``'fast'`` and ``'plain'``.
        clips: B.
    """
    full = {
        way: [STEPS * (a + b) for a, b in zip(found[way], found['SGD'], strict=True)]
        for way in ('fast', 'plain')
    }
    name = f'full fine-tuning step ÷ cached, {clips} clips'
    return [
        compared(f'cached step: our {name}', full['fast'], found['cached']),
        compared(f'cached step: plain {name}', full['plain'], found['cached'], '≥ 45'),
        compared('cached step: loading ÷ cached', found['loading'], found['cached']),
    ]
