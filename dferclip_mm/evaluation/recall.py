"""UAR, WAR, per-class recall and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from ..files import write_json
from .bootstrap import bootstrap_interval
from .deduplicate import UNLIMITED, deduplicate


@dataclass(frozen=True)
class RecallScores:
    """Scores of one evaluation, in percent.

    Attributes:
        confusion: (C, C) counts; rows are the truth, columns the prediction.
        recall: (C,) recall of each class; NaN for a class without clips.
        uar: unweighted average recall: the mean over the classes that have clips.
        war: weighted average recall: the share of clips that are right.
    """

    confusion: np.ndarray
    recall: np.ndarray
    uar: float
    war: float


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count (truth, prediction) pairs: two (N,) integer arrays to (C, C), rows the truth.

    A prediction of -1 (no answer) counts in no column.

    Raises:
        ValueError: when a label lies outside ``0 … C - 1``, or a prediction outside ``-1 … C - 1``.
    """
    for values, name, lowest in ((truth, 'label', 0), (predicted, 'prediction', -1)):
        outside = values[(values < lowest) | (values >= num_classes)]
        if outside.size:
            raise ValueError(
                f'{name} {int(outside[0])} lies outside the {num_classes} classes '
                f'0 … {num_classes - 1}'
            )
    answered = predicted >= 0
    flat = truth[answered] * num_classes + predicted[answered]
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)


def recall_scores(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> RecallScores:
    """Score predictions.

    A class without clips is left out of UAR, whether or not it was predicted. A clip without an
    answer (-1) is wrong.

    Args:
        truth: (N,) labels.
        predicted: (N,) predicted labels, -1 for no answer.
        num_classes: C.

    Raises:
        ValueError: when there are no clips, or labels lie outside the classes.
    """
    if not len(truth):
        raise ValueError('there are no clips to score')
    confusion = confusion_matrix(truth, predicted, num_classes)
    support = np.bincount(truth, minlength=num_classes)
    hits = confusion.diagonal()
    recall = np.full(num_classes, np.nan)
    np.divide(100.0 * hits, support, out=recall, where=support > 0)
    return RecallScores(
        confusion=confusion,
        recall=recall,
        uar=float(recall[support > 0].mean()),
        war=float(100.0 * hits.sum() / len(truth)),
    )


def _answer(sample: dict) -> dict[str, Any]:
    if sample.get('unreadable'):
        # What the head says of an empty clip is no answer.
        return {'scores': None, 'unreadable': sample['unreadable']}
    scores = [float(score) for score in sample['pred_score'].float()]
    if not all(map(math.isfinite, scores)):
        # The largest of them would be an answer like any other.
        clip = sample.get('filename') or f'clip {sample.get("sample_idx")}'
        raise ValueError(
            f'{clip}: expected finite scores of the classes, found {scores}: look at its frames '
            'and at the weights, and try without mixed precision'
        )
    return {'scores': scores}


@METRICS.register_module()
class RecallMetric(BaseMetric):
    """UAR, WAR and the recall of each class, in percent, as the field reports them.

    Logged as ``dfer/UAR``, ``dfer/WAR`` and ``dfer/recall/<class>``; ``save_best='dfer/WAR'``
    needs ``rule='greater'``. Class names come from the dataset.

    A clip that the dataset marks as unreadable has no answer (-1): it counts as wrong, is named in
    the log and in ``save_to``, and ``dfer/unreadable`` says how many there are.

    Args:
        bootstrap: resamples for 95 % intervals of UAR and WAR, logged as ``…_low`` and
            ``…_high``; 0 for none.
        save_to: a JSON file for classes, confusion matrix, scores and each clip's prediction.
        collect_device: how results of several processes meet: through the processes' own group
            (``'gpu'``, without a GPU too), or through files (``'cpu'``).
        collect_dir: a folder that all processes share, for ``'cpu'``; ``.dist_test`` in the
            current folder by default.
    """

    default_prefix = 'dfer'
    # For UnreadableClipsHook, which lets no other metric score a clip that was not read.
    counts_unreadable = True
    _size: int | None = None

    def __init__(
        self,
        bootstrap: int = 0,
        save_to: str | None = None,
        collect_device: str = 'gpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, collect_dir=collect_dir)
        self.bootstrap = bootstrap
        self.save_to = save_to

    @staticmethod
    def reports(settings: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
        """What ``save_best`` may name, as patterns.

        Args:
            settings: the metric's arguments.
            meta: of the data set; without ``classes``, any recall may be named.
        """
        names = ['UAR', 'WAR']
        if settings.get('bootstrap'):
            names += [f'{name}_{end}' for name in names for end in ('low', 'high')]
        return names + [f'recall/{name}' for name in meta.get('classes') or ('*',)]

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep label, scores and identity of each clip of a batch.

        Raises:
            ValueError: when a clip's scores are not finite; it names the clip.
        """
        for sample in data_samples:
            self.results.append(
                {
                    'index': sample.get('sample_idx'),
                    'clip': sample.get('filename'),
                    'label': int(sample['gt_label']),
                    **_answer(sample),
                }
            )

    def evaluate(self, size: int) -> dict[str, float]:
        """Score a dataset of `size` clips; see :meth:`compute_metrics`."""
        self._size = size
        return super().evaluate(UNLIMITED)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Score the clips of all processes.

        Raises:
            ValueError: when the dataset names no classes, the head answers another number, or a
                clip of the dataset has no result.
        """
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError("RecallMetric needs the class names: set the dataset's metainfo")
        results = deduplicate(results, self._size)
        answered = [result['scores'] for result in results if result['scores'] is not None]
        width = len(answered[0]) if answered else len(classes)
        if width != len(classes):
            raise ValueError(
                f'the head scores {width} classes, the dataset has {len(classes)} '
                f'({", ".join(classes)}): give both the same classes'
            )
        truth = np.array([result['label'] for result in results])
        predicted = np.array(
            [-1 if each['scores'] is None else np.argmax(each['scores']) for each in results]
        )
        scores = recall_scores(truth, predicted, len(classes))
        metrics = {'UAR': scores.uar, 'WAR': scores.war}
        unreadable = [result['unreadable'] for result in results if 'unreadable' in result]
        if unreadable:
            metrics['unreadable'] = len(unreadable)
            MMLogger.get_current_instance().warning(
                f'{len(unreadable)} of {len(results)} clips cannot be read and count as wrong: '
                + '; '.join(unreadable)
            )
        if self.bootstrap:
            for name, (low, high) in bootstrap_interval(
                truth, predicted, len(classes), resamples=self.bootstrap
            ).items():
                metrics |= {f'{name}_low': low, f'{name}_high': high}
        present = ~np.isnan(scores.recall)
        absent = [name for name, there in zip(classes, present, strict=True) if not there]
        if absent:
            MMLogger.get_current_instance().warning(
                f'UAR is the mean over {int(present.sum())} classes; without clips: '
                f'{", ".join(absent)}'
            )
        recall = dict(zip(classes, scores.recall.tolist(), strict=True))
        metrics |= {f'recall/{name}': value for name, value in recall.items() if value == value}
        if self.save_to is not None:
            clips = [
                {**result, 'predicted': int(label)}
                for result, label in zip(results, predicted, strict=True)
            ]
            content = {'classes': list(classes), 'metrics': metrics}
            content |= {'confusion': scores.confusion.tolist(), 'clips': clips}
            write_json(self.save_to, content)
        return metrics
