"""PCC, CCC, MAE and RMSE of predicted scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.logging import MMLogger

from .clip_metric import ClipMetric

MEASURES = ('PCC', 'CCC', 'MAE', 'RMSE')


def regression_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """PCC, CCC, mean absolute and root mean squared error of each target: two (N, K) to four (K,).

    Pearson's PCC is 0 where truth or prediction is constant and it is undefined. Lin's concordance
    (1989) is 2 cov / (var + var + squared difference of the means), with population variances: 0
    for a constant prediction, 1 where the truth is the same constant. Raises ValueError when there
    are no clips, the shapes differ, or a value is not finite.
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
    x, y = truth - truth.mean(axis=0), predicted - predicted.mean(axis=0)
    covariance = (x * y).mean(axis=0)
    variances = (x**2).mean(axis=0), (y**2).mean(axis=0)
    spread = np.sqrt(variances[0] * variances[1])
    varied = ~(_constant(truth) | _constant(predicted)) & (spread > 0)
    total = sum(variances) + (truth.mean(axis=0) - predicted.mean(axis=0)) ** 2
    equal = (truth == predicted).all(axis=0).astype(float)
    errors = truth - predicted
    return dict(
        PCC=np.divide(covariance, spread, out=np.zeros(len(spread)), where=varied),
        CCC=np.divide(2 * covariance, total, out=equal, where=total > 0),
        MAE=np.abs(errors).mean(axis=0),
        RMSE=np.sqrt((errors**2).mean(axis=0)),
    )


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
        """The names that ``save_best`` may hold, as patterns, by metric and metainfo."""
        targets = settings.get('targets') or meta.get('targets') or ('*',)
        return [*MEASURES, *(f'{name}/{target}' for name in MEASURES for target in targets)]

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep each clip of a batch; ValueError when it has no scores, or is unreadable."""
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
        """Score the clips of all processes; see `deduplicate` and `find_names` for what raises."""
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
