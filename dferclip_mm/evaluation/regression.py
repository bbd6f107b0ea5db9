"""PCC, CCC, MAE and RMSE of predicted scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.logging import MMLogger

from .clip_metric import ClipMetric


def pearson(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each target: two (N, K) to (K,).

    0 where truth or prediction is constant and the coefficient undefined.
    """
    x, y = truth - truth.mean(axis=0), predicted - predicted.mean(axis=0)
    spread = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    defined = ~(_constant(truth) | _constant(predicted)) & (spread > 0)
    product = (x * y).sum(axis=0)
    return np.divide(product, spread, out=np.zeros(truth.shape[1]), where=defined)


def concordance(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Lin's concordance correlation coefficient of each target: two (N, K) to (K,).

    2 cov / (var + var + squared difference of the means), with population variances (Lin, 1989).
    0 for a constant prediction, 1 where the truth is the same constant.
    """
    x, y = truth - truth.mean(axis=0), predicted - predicted.mean(axis=0)
    shift = (truth.mean(axis=0) - predicted.mean(axis=0)) ** 2
    total = (x**2).mean(axis=0) + (y**2).mean(axis=0) + shift
    equal = (truth == predicted).all(axis=0).astype(float)
    return np.divide(2 * (x * y).mean(axis=0), total, out=equal, where=total > 0)


MEASURES = ('PCC', 'CCC', 'MAE', 'RMSE')


def regression_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """PCC, CCC, mean absolute and root mean squared error of each target: two (N, K) to four (K,).

    Raises:
        ValueError: when there are no clips, the shapes differ, or a value is not finite.
    """
    truth, predicted = np.asarray(truth, dtype=float), np.asarray(predicted, dtype=float)
    if truth.ndim != 2 or truth.shape != predicted.shape or not len(truth):
        raise ValueError(
            'expected scores and predictions of one shape (clips, targets) for at least one clip, '
            f'found {truth.shape} and {predicted.shape}'
        )
    for name, values in (('score', truth), ('prediction', predicted)):
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            clip, target = wrong[0].tolist()
            raise ValueError(f'the {name} of clip {clip}, target {target} is not a finite number')
    errors = np.abs(truth - predicted)
    figures = pearson(truth, predicted), concordance(truth, predicted), errors.mean(axis=0)
    return dict(zip(MEASURES, (*figures, np.sqrt((errors**2).mean(axis=0))), strict=True))


def _constant(values: np.ndarray) -> np.ndarray:
    return np.ptp(values, axis=0) == 0


@METRICS.register_module()
class RegressionMetric(ClipMetric):
    """PCC, CCC, MAE and RMSE of each target, and their means over the targets.

    Logged as ``regression/CCC`` (the mean), ``regression/CCC/<target>`` and so on. Target names
    come from the dataset. ``save_best='regression/CCC'`` needs ``rule='greater'``.

    Args:
        targets: names in the order of the scores, for scores without a dataset, such as
            MMAction2's ``eval_metric.py`` on the file of a ``--dump``; None: the dataset's.
        settings: see :class:`ClipMetric`.
    """

    default_prefix, names_key = 'regression', 'targets'

    def __init__(self, targets: Sequence[str] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.targets = targets

    @staticmethod
    def reports(settings: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
        """The names that ``save_best`` may hold, as patterns.

        Args:
            settings: the metric's arguments.
            meta: the dataset's metainfo; without ``targets``, every target is possible.
        """
        targets = settings.get('targets') or meta.get('targets') or ('*',)
        return [*MEASURES, *(f'{name}/{target}' for name in MEASURES for target in targets)]

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the scores, the predictions and the identity of each clip of a batch.

        Raises:
            ValueError: when a sample has no scores, or its clip is unreadable.
        """
        for sample in data_samples:
            if sample.get('unreadable'):
                raise ValueError(
                    f'{sample["unreadable"]}: RegressionMetric has no error for a clip without a '
                    "prediction: set unreadable='raise' and leave the clip out of the list"
                )
            if sample.get('scores') is None:
                raise ValueError(
                    "RegressionMetric needs each clip's scores: set 'scores' in the "
                    'algorithm_keys of PackActionInputs'
                )
            self.results.append(
                {
                    'index': sample.get('sample_idx'),
                    'clip': sample.get('filename'),
                    'scores': [float(score) for score in sample['scores']],
                    'predicted': [float(score) for score in sample['pred_score'].float()],
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Score the clips of all processes.

        Raises:
            ValueError: when there are no target names, the head predicts another number of
                targets, or a clip of the dataset has no result.
        """
        results = self.deduplicate(results)
        targets = self.find_names(len(results[0]['predicted']))
        truth, predicted = (
            np.array([result[key] for result in results]) for key in ('scores', 'predicted')
        )
        figures = regression_scores(truth, predicted)
        for what, values in (('score', truth), ('prediction', predicted)):
            for target, constant in zip(targets, _constant(values), strict=True):
                if constant:
                    MMLogger.get_current_instance().warning(
                        f'PCC of {target} counts as 0: its {what} is the same for all '
                        f'{len(values)} clips'
                    )
        metrics = {name: float(values.mean()) for name, values in figures.items()}
        metrics |= {
            f'{name}/{target}': float(value)
            for name, values in figures.items()
            for target, value in zip(targets, values, strict=True)
        }
        self.save(targets, results, metrics=metrics)
        return metrics
