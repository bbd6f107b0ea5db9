"""Features of a dataset's clips, computed once, in one file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

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


def write_features(
    out: Path, batches: Iterable[Mapping[str, np.ndarray]], **constants: Sequence[str]
) -> None:
    """Write the arrays of all batches, joined, and constants to one file.

    Raises:
        ValueError: when its name does not end in .npz.
    """
    if out.suffix != '.npz':
        raise ValueError(f'{out}: expected a name that ends in .npz')
    first, *others = batches
    rows = {name: np.concatenate([first[name], *(each[name] for each in others)]) for name in first}
    buffer = io.BytesIO()
    np.savez(buffer, **rows, **{name: np.array(each) for name, each in constants.items()})
    atomic_write(out, buffer.getvalue())
