"""Features of a data set's clips, computed once: resumable, and written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader, Subset

from ..models.heads.pool import pool_to_clip

FORMATS = ('.npz', '.parquet')


def clip_features(model: Any, batch: dict[str, Any]) -> dict[str, np.ndarray]:
    """What a model and its data say of a batch of clips.

    Args:
        model: a recognizer in evaluation mode.
        batch: as a dataloader gives it.

    Returns:
        ``features`` (B, D), the mean over a clip's views before the head; ``clips`` (B,), their
        paths; where the head names classes, its ``logits`` (B, C); where the data has them,
        ``labels`` (B,) and ``scores`` (B, K).
    """
    with torch.no_grad():
        data = model.data_preprocessor(batch, training=False)
        features, info = model.extract_feat(data['inputs'], stage='neck', test_mode=True)
        samples = data['data_samples']
        # The host's recognizers answer with maps, or with a row for each frame.
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
    constants: dict[str, Sequence[str]] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Path:
    """Compute a data set's features, going on where an interrupted call has stopped.

    Parts are kept in a folder beside `out` until all clips are done; then `out` appears under its
    name, and the folder goes.

    Args:
        compute: a batch to arrays of B rows (see `clip_features`).
        dataset: of clips, in order.
        out: a file that ends in .npz or .parquet.
        identity: of the model and data; parts that were computed by another are refused.
        batch_size: clips at a time, and in each part.
        num_workers: of the dataloader.
        constants: name -> strings that go into the file as they are (class names).
        progress: wraps the batches that are left to do.

    Returns:
        The file.

    Raises:
        ValueError: when the ending is another one, or the folder holds parts of something else.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise ValueError(f'{out}: expected a name that ends in {" or ".join(FORMATS)}')
    if out.suffix == '.parquet':
        # Before the work, not after it.
        _pyarrow(out)
    parts = out.with_name(f'{out.name}.parts')
    request = {'identity': identity, 'clips': len(dataset), 'batch_size': batch_size}
    _claim(parts, request)
    starts = range(0, len(dataset), batch_size)
    left = [start for start in starts if not _part(parts, start).is_file()]
    indices = [index for start in left for index in range(len(dataset))[start : start + batch_size]]
    loader = DataLoader(
        Subset(dataset, indices),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    for start, batch in zip(left, progress(loader), strict=True):
        _write_npz(_part(parts, start), compute(batch), {})
    rows = _join([_part(parts, start) for start in starts])
    write = _write_npz if out.suffix == '.npz' else _write_parquet
    write(out, rows, {name: np.array(values) for name, values in (constants or {}).items()})
    shutil.rmtree(parts)
    return out


def fingerprint_of(*sources: Any) -> str:
    """A short hash of a model's tensors, a config's text, and the like."""
    digest = hashlib.sha256()
    for source in sources:
        if isinstance(source, torch.nn.Module):
            for name, tensor in [*source.named_parameters(), *source.named_buffers()]:
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
        else:
            digest.update(str(source).encode())
    return digest.hexdigest()[:16]


def _claim(parts: Path, request: dict[str, Any]) -> None:
    note = parts / 'request.json'
    if note.is_file() and json.loads(note.read_text()) != request:
        raise ValueError(
            f'{parts} holds parts of another model, data set or batch size: delete it to begin '
            'again, or repeat the command that began it'
        )
    parts.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(request))


def _part(parts: Path, start: int) -> Path:
    return parts / f'{start:09d}.npz'


def _write_npz(path: Path, rows: dict[str, np.ndarray], constants: dict[str, np.ndarray]) -> None:
    partial = path.with_name(f'{path.name}.partial')
    with partial.open('wb') as file:
        np.savez(file, **rows, **constants)
    partial.replace(path)


def _write_parquet(
    path: Path, rows: dict[str, np.ndarray], constants: dict[str, np.ndarray]
) -> None:
    pyarrow = _pyarrow(path)
    columns = {
        name: pyarrow.array(values.tolist(), type=_arrow_type(pyarrow, values))
        for name, values in rows.items()
    }
    notes = {name: json.dumps(values.tolist()) for name, values in constants.items()}
    partial = path.with_name(f'{path.name}.partial')
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata(notes), partial)
    partial.replace(path)


def _arrow_type(pyarrow: Any, values: np.ndarray) -> Any:
    plain = {'f': pyarrow.float32(), 'i': pyarrow.int64(), 'U': pyarrow.string()}[values.dtype.kind]
    return pyarrow.list_(plain) if values.ndim == 2 else plain


def _pyarrow(path: Path) -> Any:
    try:
        # Its newer releases refuse to import beside numpy 1.
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(
            f'{path}: .parquet needs pyarrow ({error}): run `pip install "dferclip_mm[probe]"`, '
            'or take .npz'
        ) from error
    return pyarrow


def _join(paths: list[Path]) -> dict[str, np.ndarray]:
    loaded = [dict(np.load(path)) for path in paths]
    return {name: np.concatenate([each[name] for each in loaded]) for name in loaded[0]}
