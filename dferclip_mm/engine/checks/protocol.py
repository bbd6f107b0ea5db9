"""What a reader of the figures should know: how the result is chosen, and for which batch size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..lookup import unwrap_datasets


def describe_protocol(dataset: Any, save_best: Sequence[str] | None) -> str:
    """How the resulting checkpoint is chosen, in words; `dataset` is None without validation.

    The field chooses the best epoch on the test clips, which flatters the figures; validation
    clips held out of the training clips, or the last epoch, do not.
    """
    if dataset is None or not save_best:
        return 'the last epoch is the result; no checkpoint is chosen'
    split = _split(dataset)
    warning = ': as published, and optimistic, since those clips are the test'
    return (
        f'the epoch with the best {", ".join(save_best)} on {len(dataset)} {split} clips is the '
        f'result{warning if split == "test" else ""}'
    )


def describe_selection(dataset: Any, save_best: Sequence[str] | None) -> str:
    """The same in a few words, for the table of results."""
    if dataset is None or not save_best:
        return ''
    return f'best {", ".join(save_best)}, {_split(dataset)} clips'


def _split(dataset: Any) -> str:
    return getattr(dataset, 'split', None) or 'validation'


def describe_test(dataset: Any) -> str:
    """What divides the clips of a test from those of the training, and how it shows them."""
    found: dict[str, None] = {}
    for each in unwrap_datasets(dataset):
        found[getattr(each, 'protocol', '') or 'lists of the dataset'] = None
        steps = getattr(getattr(each, 'pipeline', None), 'transforms', ())
        if any(getattr(step, 'shuffle', False) for step in steps):
            found['frames shuffled'] = None
    return ', '.join(found)


def describe_source(path: str | None, meta: Mapping[str, Any], dataset: Any) -> dict[str, str]:
    """Which checkpoint is tested, what selected it, and on which clips.

    `path` is None for pretrained weights; ``meta['selection']`` is from `describe_selection`.
    """
    protocol = {'protocol': describe_test(dataset)}
    if path is None:
        return {'selection': 'no checkpoint', **protocol}
    name = PurePosixPath(path).name
    chosen = meta.get('selection') if name.startswith('best_') else None
    return {'checkpoint': path, 'selection': chosen or name, **protocol}


def find_batch_size_mismatch(
    auto_scale_lr: Mapping[str, Any], batch_size: int | None, processes: int, accumulated: int = 1
) -> Iterator[str]:
    """A warning when the learning rates of a config are for another batch size than the run's.

    That is `batch_size` clips (None where batches have no fixed size) in each of its processes and
    in each of the `accumulated` iterations per step of the optimizer.
    """
    base = auto_scale_lr.get('base_batch_size')
    found = (batch_size or 0) * processes * accumulated
    if base is None or found in (0, base) or auto_scale_lr.get('enable'):
        return
    more = f' x {accumulated} accumulated iterations' if accumulated > 1 else ''
    fitting, rest = divmod(base, processes * accumulated)
    remedy = '' if rest or not fitting else f'pass --batch-size {fitting}, or '
    yield (
        f'the learning rates are for a batch size of {base} (auto_scale_lr.base_batch_size), this '
        f'run has {found} ({batch_size} clips x {processes} processes{more}): {remedy}scale the '
        'rates with --auto-scale-lr'
    )
