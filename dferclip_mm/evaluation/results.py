"""Read what a run wrote: the results of an evaluation and the curves of a training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import numpy as np
import pandas as pd

from .measures import count_answers, recall, uar, war

# What a run's folder has after its test.
NAME = 'test_results.json'
# Figures of a training, each by its step.
Curves = Mapping[str, pd.Series]


@dataclass(frozen=True)
class Results:
    """Labels and predictions of one evaluation, written by ``RecallMetric(save_to=…)``.

    There are C classes in label order, labels (N,), predicted labels (N,), -1 for an unreadable
    clip, class scores (N, C), ``-inf`` for these, N paths, and N subjects, or none. The source may
    have ``checkpoint``, ``selection``, how it was chosen, and ``protocol``, what divides the test
    from the training.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    predicted: np.ndarray
    class_scores: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    clips: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> np.ndarray:
        """(N,) whether a clip has scores."""
        return np.isfinite(self.class_scores).all(axis=1)

    def select(self, chosen: np.ndarray) -> Results:
        """The clips that are chosen, by (N,) bool."""
        return replace(
            self,
            truth=self.truth[chosen],
            predicted=self.predicted[chosen],
            class_scores=self.class_scores[chosen],
            clips=tuple(compress(self.clips, chosen)),
            subjects=tuple(compress(self.subjects, chosen)),
        )

    @property
    def counts(self) -> np.ndarray:
        """(C, C + 1) counts, see `count_answers`."""
        return count_answers(self.truth, self.predicted, len(self.classes))

    @property
    def confusion(self) -> np.ndarray:
        """(C, C) counts, without the clips that have no answer; rows are the truth."""
        return self.counts[:, :-1]


def read_results(path: str | Path) -> Results:
    """Read a file of ``RecallMetric(save_to=…)``; ValueError when it holds something else."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        classes, clips = tuple(content['classes']), content['clips']
        subjects = tuple(str(clip['subject']) for clip in clips if 'subject' in clip)
        return Results(
            classes=classes,
            truth=np.array([int(clip['label']) for clip in clips]),
            predicted=np.array([int(clip['predicted']) for clip in clips]),
            class_scores=np.array(
                [clip.get('scores') or [-np.inf] * len(classes) for clip in clips], dtype=float
            ),
            clips=tuple(clip['clip'] for clip in clips if clip.get('clip')),
            subjects=subjects if len(subjects) == len(clips) else (),
            source=content.get('source', {}),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f'{path} is not what RecallMetric(save_to=...) writes for clips with labels: {error!r}'
        ) from error


def find_results(path: str | Path) -> list[Path]:
    """The results files of a run: of itself, of its folder, or of each fold or seed below that.

    Raises FileNotFoundError when there are none.
    """
    path = Path(path)
    found = [path] if path.is_file() else [path / NAME]
    if not found[0].is_file():
        found = sorted(path.glob(f'*/{NAME}'))
    if not found:
        raise FileNotFoundError(
            f'no results at {path}: expected a results file, a folder with {NAME}, or one of such '
            'folders, as of cross_validate.py; write the file with tools/test.py CONFIG CHECKPOINT '
            f'--cfg-options test_evaluator.save_to={path / NAME}'
        )
    return found


def pool_results(results: Sequence[Results]) -> Results:
    """Concatenate the clips of evaluations, such as folds.

    Raises:
        ValueError: when their classes differ, or their order.
    """
    classes = {result.classes for result in results}
    if len(classes) != 1:
        raise ValueError(f'expected results of the same classes, found {sorted(classes)}')
    return Results(
        classes=results[0].classes,
        truth=np.concatenate([result.truth for result in results]),
        predicted=np.concatenate([result.predicted for result in results]),
        class_scores=np.concatenate([result.class_scores for result in results]),
        clips=tuple(clip for result in results for clip in result.clips),
        subjects=tuple(subject for result in results for subject in result.subjects),
    )


def format_scores(results: Results) -> str:
    """A text table: recall and number of clips of each class, then UAR and WAR."""
    counts = results.counts
    width = max(len(name) for name in results.classes)
    lines = [f'{"":{width}}  recall  clips']
    for name, value, clips in zip(results.classes, recall(counts), counts.sum(axis=1), strict=True):
        share = f'{value:5.1f} %' if clips else '      -'
        lines.append(f'{name:{width}} {share}  {clips:5d}')
    lines.append(f'UAR {uar(counts):.2f} %   WAR {war(counts):.2f} %   ({counts.sum()} clips)')
    return '\n'.join(lines)


def find_curves(folder: str | Path) -> dict[str, Curves]:
    """The curves of a run, or of each fold or seed in its folder, by name; none without logs.

    They are the training loss by iteration, and UAR and WAR of validation by epoch, with resumed
    parts. MMEngine writes ``<time>/vis_data/scalars.json`` below a run's folder.
    """
    folder = Path(folder)
    found: dict[str, Curves] = {}
    for each in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        files = sorted(each.glob('*/vis_data/scalars.json'))
        if not files:
            continue
        rows = pd.concat([pd.read_json(file, lines=True) for file in files])
        columns = {'loss': 'loss', 'UAR': 'dfer/UAR', 'WAR': 'dfer/WAR'}
        found[each.absolute().name] = {
            # A resumed run may repeat steps after its checkpoint: the later value counts.
            name: rows.dropna(subset=[column]).groupby('step')[column].last()
            for name, column in columns.items()
            if column in rows
        }
    return found
