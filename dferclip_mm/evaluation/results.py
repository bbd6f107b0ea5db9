"""Read what a run has written: an evaluation's results and the training's curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .recall import RecallScores, recall_scores


@dataclass(frozen=True)
class Results:
    """Labels and predictions of one evaluation, as ``RecallMetric(save_to=…)`` wrote them.

    Attributes:
        classes: C names, in label order.
        truth: (N,) labels.
        predicted: (N,) predicted labels.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    predicted: np.ndarray

    @property
    def scores(self) -> RecallScores:
        """UAR, WAR, recall and confusion matrix."""
        return recall_scores(self.truth, self.predicted, len(self.classes))


@dataclass(frozen=True)
class Curves:
    """A training's course; each curve is two equally long arrays, (steps, values).

    Attributes:
        loss: by training iteration.
        validation: UAR and WAR in percent by validation step (the epoch in epoch-based training).
    """

    loss: tuple[np.ndarray, np.ndarray]
    validation: dict[str, tuple[np.ndarray, np.ndarray]]


def read_results(path: str | Path) -> Results:
    """Read a file of ``RecallMetric(save_to=…)``.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when the file is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'no results at {path}: write them with tools/test.py CONFIG CHECKPOINT '
            f'--cfg-options test_evaluator.save_to={path}'
        )
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        return Results(
            classes=tuple(content['classes']),
            truth=np.array([clip['label'] for clip in content['clips']], dtype=int),
            predicted=np.array([clip['predicted'] for clip in content['clips']], dtype=int),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f'{path} is not what RecallMetric(save_to=...) writes: {error!r}'
        ) from error


def pool_results(results: Sequence[Results]) -> Results:
    """Put the clips of several evaluations, the folds of a protocol, into one.

    Raises:
        ValueError: when there is none, or they name different classes.
    """
    names = {result.classes for result in results}
    if len(names) != 1:
        raise ValueError(
            f'expected results with the same classes in the same order, found {len(names)} sets: '
            + '; '.join(', '.join(classes) for classes in sorted(names))
        )
    return Results(
        classes=names.pop(),
        truth=np.concatenate([result.truth for result in results]),
        predicted=np.concatenate([result.predicted for result in results]),
    )


def format_scores(results: Results) -> str:
    """A table for people: recall and number of clips of each class, then UAR and WAR."""
    scores = results.scores
    width = max(len(name) for name in results.classes)
    clips = np.bincount(results.truth, minlength=len(results.classes))
    lines = [f'{"":{width}}  recall  clips']
    for name, recall, count in zip(results.classes, scores.recall, clips, strict=True):
        share = f'{recall:5.1f} %' if count else '      -'
        lines.append(f'{name:{width}} {share}  {count:5d}')
    lines.append(f'UAR {scores.uar:.2f} %   WAR {scores.war:.2f} %   ({len(results.truth)} clips)')
    return '\n'.join(lines)


def read_curves(work_dir: str | Path) -> Curves:
    """Read loss and validation scores of a run, over all the times it was resumed.

    Args:
        work_dir: the run's folder; MMEngine writes ``<time>/vis_data/scalars.json`` below it.

    Raises:
        FileNotFoundError: when no run has logged there.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'no training has logged below {work_dir} (*/vis_data/scalars.json)'
        )
    loss: dict[int, float] = {}
    validation: dict[str, dict[int, float]] = {'UAR': {}, 'WAR': {}}
    for file in files:
        for line in file.read_text(encoding='utf-8').splitlines():
            entry = json.loads(line)
            if 'loss' in entry:
                # A resumed run repeats the steps behind its checkpoint: the later value counts.
                loss[entry['step']] = entry['loss']
            for name, curve in validation.items():
                if f'dfer/{name}' in entry:
                    curve[entry['step']] = entry[f'dfer/{name}']
    return Curves(_arrays(loss), {name: _arrays(curve) for name, curve in validation.items()})


def _arrays(curve: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    steps = sorted(curve)
    return np.array(steps, dtype=int), np.array([curve[step] for step in steps], dtype=float)
