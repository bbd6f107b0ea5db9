"""Features of a dataset's clips, computed once and resumable, in one file."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader, Subset

from ..files import atomic_write
from ..models.heads.pool import pool_to_clip

FORMATS = ('.npz', '.parquet')


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
    identity: str,
    batch_size: int = 16,
    num_workers: int = 0,
    constants: Mapping[str, Sequence[str]] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Path:
    """Compute a dataset's features, and continue where an interrupted call stopped.

    Each batch is a file in a folder beside `out`, which is named after the identity, so batches of
    different models never mix. `out` appears when all clips are done; then the folder is removed.

    Args:
        compute: a batch to arrays of B rows (see `clip_features`).
        dataset: of clips, in order.
        out: a file that ends in .npz or .parquet.
        identity: of the model and dataset (see `hash_model`).
        batch_size: clips at a time, and in each file.
        num_workers: of the dataloader.
        constants: name -> strings that are stored unchanged (class names).
        progress: wraps the batches that are left to do.

    Returns:
        The file.

    Raises:
        ValueError: when the suffix is another one.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise ValueError(f'{out}: expected a name that ends in {" or ".join(FORMATS)}')
    # Before the work, not after it.
    write = _write_npz if out.suffix == '.npz' else _parquet_writer(out)
    folder = out.with_name(f'{out.name}.{identity}-{len(dataset)}-{batch_size}.parts')
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(dataset), batch_size)
    files = {start: folder / f'{start:09d}.npz' for start in starts}
    left = [start for start in starts if not files[start].is_file()]
    indices = [index for start in left for index in range(len(dataset))[start : start + batch_size]]
    loader = DataLoader(
        Subset(dataset, indices),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    for start, batch in zip(left, progress(loader), strict=True):
        _write_npz(files[start], compute(batch), {})
    parts = [dict(np.load(file)) for file in files.values()]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    write(out, rows, {name: np.array(values) for name, values in (constants or {}).items()})
    shutil.rmtree(folder)
    return out


def hash_model(model: torch.nn.Module, *settings: Any) -> str:
    """A short hash of a model's tensors and of settings as text."""
    digest = hashlib.sha256()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    digest.update(str(settings).encode())
    return digest.hexdigest()[:16]


Rows = dict[str, np.ndarray]


def _write_npz(path: Path, rows: Rows, constants: Rows) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **rows, **constants)
    atomic_write(path, buffer.getvalue())


def _parquet_writer(path: Path) -> Callable[[Path, Rows, Rows], None]:
    """The function that writes .parquet; a ValueError when pyarrow is missing."""
    try:
        # Its newer releases refuse to import beside numpy 1.
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(
            f'{path}: .parquet needs pyarrow ({error}): run `pip install "dferclip_mm[probe]"`, '
            'or take .npz'
        ) from error
    types = {'f': pyarrow.float32(), 'i': pyarrow.int64(), 'U': pyarrow.string()}

    def write(path: Path, rows: Rows, constants: Rows) -> None:
        columns = {}
        for name, values in rows.items():
            value_type = types[values.dtype.kind]
            column_type = pyarrow.list_(value_type) if values.ndim == 2 else value_type
            columns[name] = pyarrow.array(values.tolist(), type=column_type)
        notes = {name: json.dumps(values.tolist()) for name, values in constants.items()}
        table = pyarrow.table(columns).replace_schema_metadata(notes)
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table, buffer)
        atomic_write(path, buffer.getvalue())

    return write
