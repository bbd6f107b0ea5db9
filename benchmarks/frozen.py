"""The cost of a step from cached frame features, against a step that trains everything."""

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

from .corpus import write_jpegs
from .measure import Run
from .table import Row, ratio_row

# Cached steps in each round.
STEPS = 4


def sgd(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.SGD:
    """The paper's optimizer, at a rate that hardly changes the weights."""
    trained = [p for p in parameters if p.requires_grad]
    return torch.optim.SGD(trained, lr=1e-12, momentum=0.9, weight_decay=1e-4)


def cached_loader(config: str, folder: Path, width: int, clips: int) -> Run:
    """Loads a batch of clips from a cache on disk through the training pipeline of a config."""
    paths = write_jpegs(folder, clips)
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
    """Training steps from the cache, loading alone, and the SGD step of full fine-tuning.

    Args:
        model: of a config that trains everything (see `models.build`).
        config: the one that reads the cache.
        folder: empty, for the cache.
        clips: B.
    """
    everything = sgd(model.parameters())
    after_encoder = sgd([*model.neck.parameters(), *model.cls_head.parameters()])
    load = cached_loader(config, folder, model.backbone.visual.output_dim, clips)

    def cached() -> None:
        batch = load()
        features = torch.stack(batch['inputs']).float()
        target = torch.tensor([int(s.gt_label) for s in batch['data_samples']])
        after_encoder.zero_grad()
        F.cross_entropy(model(features, stage='head'), target).backward()
        after_encoder.step()

    return {'cached': repeat_steps(cached), 'loading': repeat_steps(load), 'SGD': everything.step}


def repeat_steps(run: Run) -> Run:
    """Repeat a run `STEPS` times: one step is too short to measure."""

    def runs() -> None:
        for _ in range(STEPS):
            run()

    return runs


def cached_rows(found: Mapping[str, list[float]], clips: int) -> list[Row]:
    """Full fine-tuning on a decoded batch against a training step from the cache.

    Args:
        found: seconds of `cached_runs`, and of the forward and backward pass of the full model,
            ``'fast'`` and ``'reference'``.
        clips: B.
    """
    full = {
        way: [STEPS * (a + b) for a, b in zip(found[way], found['SGD'], strict=True)]
        for way in ('fast', 'reference')
    }
    name = f'full fine-tuning step ÷ cached, {clips} clips'
    return [
        ratio_row(f'cached step: our {name}', full['fast'], found['cached']),
        ratio_row(f'cached step: reference {name}', full['reference'], found['cached'], '≥ 45'),
        ratio_row('cached step: loading ÷ cached', found['loading'], found['cached']),
    ]
