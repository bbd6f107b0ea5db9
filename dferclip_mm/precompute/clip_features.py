"""Features of a dataset's clips, computed once, in one file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from ..files import atomic_write
from ..models.pool import pool_to_clip


def clip_features(model: Any, batch: dict[str, Any]) -> dict[str, np.ndarray]:
    """The features of a batch of clips, and what the dataset knows of them.

    Args:
        model: a recognizer in evaluation mode.
        batch: as a dataloader gives it.

    Returns:
        ``features`` (B, D), the mean over a clip's views before the head; ``clips`` (B,), their
        paths; where the head names classes, its ``logits`` (B, C); where the dataset has them,
        ``labels`` (B,) and ``scores`` (B, K).
    """
    with torch.no_grad():
        data = model.data_preprocessor(batch, training=False)
        features, info = model.extract_feat(data['inputs'], stage='neck', test_mode=True)
        samples = data['data_samples']
        # MMAction2's recognizers return maps, or a row for each frame.
        vectors = pool_to_clip(features, info.get('num_segs'))
        found = {'features': _mean_over_views(vectors, len(samples))}
        if getattr(model.cls_head, 'classes', None):
            logits = model.cls_head(features, **info)
            found['logits'] = _mean_over_views(logits, len(samples))
    found['clips'] = np.array([sample.get('filename', '') for sample in samples])
    if all('gt_label' in sample for sample in samples):
        found['labels'] = np.array([int(sample.gt_label) for sample in samples])
    if all('scores' in sample for sample in samples):
        found['scores'] = np.array([sample.scores for sample in samples], dtype=np.float32)
    return found


def _mean_over_views(values: torch.Tensor, clips: int) -> np.ndarray:
    return values.float().unflatten(0, (clips, -1)).mean(dim=1).cpu().numpy()


def extract(
    compute: Callable[[dict[str, Any]], dict[str, np.ndarray]],
    dataset: Any,
    out: str | Path,
    *,
    batch_size: int = 16,
    num_workers: int = 0,
    constants: Mapping[str, Sequence[str]] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> None:
    """Write what is computed of each batch (see `clip_features`) to one file, which ends in .npz.

    Args:
        compute: a batch to arrays of B rows.
        dataset, batch_size, num_workers: of the dataloader.
        out: the file.
        constants: name -> strings that are stored unchanged (class names).
        progress: wraps the batches.
    """
    out = Path(out)
    if out.suffix != '.npz':
        raise ValueError(f'{out}: expected a name that ends in .npz')
    loader = DataLoader(
        dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=pseudo_collate
    )
    batches = [compute(batch) for batch in progress(loader)]
    rows = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    buffer = io.BytesIO()
    np.savez(buffer, **rows, **{name: np.array(each) for name, each in (constants or {}).items()})
    atomic_write(out, buffer.getvalue())
