"""UAR, WAR, per-class recall and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmaction.registry import METRICS
from mmengine.logging import MMLogger

from ..emotions import resolve_classes
from .bootstrap import number_units, percentile_interval, resample_counts
from .clip_metric import ClipMetric
from .measures import COUNTED, average_precision, check_measures, count_answers, measure, recall


def _label_of(sample: dict) -> int | list[int]:
    """A clip's label, or of several labels 0 or 1 for each class."""
    found = torch.as_tensor(sample['gt_label']).int().flatten().tolist()
    return found[0] if len(found) == 1 else found


def _scores_of(sample: dict) -> dict[str, Any]:
    """The class scores of a data sample, or why its clip has none."""
    if sample.get('unreadable'):
        # The head's output for the placeholder of an unreadable clip means nothing.
        return {'scores': None, 'unreadable': sample['unreadable']}
    scores = [float(score) for score in sample['pred_score'].float()]
    if not all(map(math.isfinite, scores)):
        clip = sample.get('filename') or f'clip {sample.get("sample_idx")}'
        raise ValueError(
            f'{clip}: expected finite class scores, found {scores}: check its frames and the '
            'weights, and try without mixed precision'
        )
    return {'scores': scores}


@METRICS.register_module()
class RecallMetric(ClipMetric):
    """UAR, WAR and the recall of each class, in percent.

    Logged as ``dfer/UAR``, ``dfer/WAR`` and ``dfer/recall/<class>``; ``save_best='dfer/WAR'``
    needs ``rule='greater'``.

    A clip that the dataset marks as unreadable has no prediction (-1) and counts as wrong. It is
    named in the log and in ``save_to``, and ``dfer/unreadable`` is the number of these clips.

    Clips without labels are predicted and not scored: ``save_to`` holds the predictions. Of clips
    with several labels each (MMAction2's ``multi_class``), only ``dfer/mAP`` and
    ``dfer/AP/<class>`` are logged, the mean average precision and that of each class.

    Args:
        measures: what is logged besides: ``F1`` (the mean over classes with clips),
            ``weighted_F1``, ``kappa`` (Cohen's), ``top2`` or another number, ``mAP``, ``ECE``
            (expected calibration error over 15 bins), and of selective answers ``coverage@0.8``,
            the clips whose score is at least 0.8, and ``error@0.8``, the wrong ones among these.
            Of no answers there are no ECE and no error.
            All are in percent but kappa, at most 1, and ECE, from 0 to 1.
        bootstrap: resamples for 95 % intervals of UAR and WAR, logged as ``…_low`` and
            ``…_high``; 0 for none. Where the dataset names each clip's ``subject``, subjects are
            drawn, with all their clips.
        classes: a corpus or C class names in label order, for scores without a dataset, such as
            MMAction2's ``eval_metric.py`` on the file of a ``--dump``; None: the dataset's.
        settings: see :class:`ClipMetric`.

    Raises:
        ValueError: when `measures` has another name.
    """

    default_prefix, names_key = 'dfer', 'classes'
    # UnreadableClipsHook lets no other metric score an unreadable clip.
    counts_unreadable = True
    # Of the last evaluation, in the main process: the confusion matrix, and its classes.
    last: tuple[np.ndarray, tuple[str, ...]] | None = None

    def __init__(
        self,
        measures: Sequence[str] = (),
        bootstrap: int = 0,
        classes: str | Sequence[str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        check_measures([*measures])
        self.measures = measures
        self.bootstrap = bootstrap
        self.classes = None if classes is None else resolve_classes(classes)

    @staticmethod
    def reports(settings: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
        """The names that ``save_best`` may hold, as patterns.

        Of the metric's arguments, and the dataset's metainfo with whether it has several labels
        (``multi_class``); what is not known of these is possible.
        """
        classes = settings.get('classes') or meta.get('classes') or ('*',)
        several = ['mAP', *(f'AP/{name}' for name in classes)]
        if meta.get('multi_class'):
            return several
        names = ['UAR', 'WAR', *(settings.get('measures') or ())]
        if settings.get('bootstrap'):
            names += [f'{name}_{bound}' for name in ('UAR', 'WAR') for bound in ('low', 'high')]
        names += [f'recall/{name}' for name in classes]
        return names if meta.get('multi_class') is False else [*dict.fromkeys(names + several)]

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep each clip of a batch; ValueError when its scores are not finite."""
        for sample in data_samples:
            self.results.append(
                {
                    'index': sample.get('sample_idx'),
                    'clip': sample.get('filename'),
                    **({'subject': sample['subject']} if 'subject' in sample else {}),
                    **({'label': _label_of(sample)} if 'gt_label' in sample else {}),
                    **_scores_of(sample),
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Score the clips of all processes.

        Raises ValueError when some clips have labels and others none; see also `deduplicate` and
        `find_names`.
        """
        results = self.deduplicate(results)
        scored = [result['scores'] for result in results if result['scores'] is not None]
        classes = self.find_names(len(scored[0]) if scored else None)
        figures = np.array(
            [each['scores'] or [-math.inf] * len(classes) for each in results], dtype=float
        )
        predicted = np.where(np.isfinite(figures[:, 0]), figures.argmax(axis=1), -1)
        clips = [
            {**result, 'predicted': label}
            for result, label in zip(results, predicted.tolist(), strict=True)
        ]
        unlabelled = [str(result['clip']) for result in results if 'label' not in result]
        if unlabelled and len(unlabelled) < len(results):
            raise ValueError(
                f'{len(unlabelled)} of {len(results)} clips have no label, the first is '
                f'{unlabelled[0]}: give labels to all or to none'
            )
        content: dict[str, Any] = {}
        metrics: dict[str, float] = {}
        if unlabelled:
            _warn(
                f'the {len(results)} clips have no labels, so nothing is scored: predictions are '
                f'in {self.save_to or "the file that test_evaluator.save_to names"}'
            )
        elif any(isinstance(result['label'], list) for result in results):
            metrics = _score_several_labels(results, figures, classes)
        else:
            truth = np.array([result['label'] for result in results])
            counts = count_answers(truth, predicted, len(classes))
            content['confusion'] = counts[:, :-1].tolist()
            self.last = counts[:, :-1], classes
            metrics = {name: float(COUNTED[name](counts)) for name in ('UAR', 'WAR')}
            metrics |= {name: measure(name, figures, truth) for name in self.measures}
            unreadable = [result['unreadable'] for result in results if 'unreadable' in result]
            if unreadable:
                metrics['unreadable'] = len(unreadable)
                _warn(
                    f'{len(unreadable)} of {len(results)} clips cannot be read and count as wrong: '
                    + '; '.join(unreadable)
                )
            if self.bootstrap:
                subjects = [str(result.get('subject', '')) for result in results]
                units = number_units(subjects) if all(subjects) else np.arange(len(results))
                drawn = resample_counts([(truth, predicted)], units, len(classes), self.bootstrap)
                for name in ('UAR', 'WAR'):
                    low, high = percentile_interval(COUNTED[name](drawn[:, 0]))
                    metrics |= {f'{name}_low': low, f'{name}_high': high}
            recalls = dict(zip(classes, recall(counts).tolist(), strict=True))
            absent = [name for name, value in recalls.items() if math.isnan(value)]
            if absent:
                _warn(
                    f'UAR is the mean over {len(classes) - len(absent)} classes; without clips: '
                    f'{", ".join(absent)}'
                )
            metrics |= {f'recall/{name}': value for name, value in recalls.items()}
        metrics = {name: value for name, value in metrics.items() if not math.isnan(value)}
        self.save(classes, clips, metrics=metrics, **content)
        return metrics


def _score_several_labels(
    results: Sequence[dict], scores: np.ndarray, classes: Sequence[str]
) -> dict[str, float]:
    """The mean average precision and that of each class, NaN without clips."""
    wrong = [str(each['clip']) for each in results if np.shape(each['label']) != (len(classes),)]
    if wrong:
        raise ValueError(
            f'{wrong[0]}: expected 0 or 1 for each of the {len(classes)} classes, as of the other '
            'clips, which have several labels'
        )
    found = average_precision(scores, np.array([each['label'] for each in results]))
    by_class = {f'AP/{name}': float(value) for name, value in zip(classes, found, strict=True)}
    return {'mAP': float(np.nanmean(found)), **by_class}


def _warn(message: str) -> None:
    MMLogger.get_current_instance().warning(message)
