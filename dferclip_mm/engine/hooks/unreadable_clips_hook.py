"""Which clips could not be read?"""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook

from ...media.errors import place_of
from ..lookup import unwrap_datasets


@HOOKS.register_module()
class UnreadableClipsHook(Hook):
    """Counts the training clips that were replaced, and protects evaluation from replaced clips.

    After each epoch it counts the replaced clips of all processes together, names those of other
    processes, and checks the dataset's ``max_replaced``. It refuses an evaluation whose dataset
    replaces clips, or passes unreadable clips to a metric that would score them.
    """

    def __init__(self) -> None:
        self._named: set[tuple[int, int]] = set()

    def before_train(self, runner: Any) -> None:
        """Check the validation."""
        if runner.val_loop is not None:
            self.before_val(runner)

    def before_val(self, runner: Any) -> None:
        """Check the validation."""
        _check_evaluation(runner.val_dataloader, runner.val_evaluator, 'val')

    def before_test(self, runner: Any) -> None:
        """Check the test."""
        _check_evaluation(runner.test_dataloader, runner.test_evaluator, 'test')

    def after_train_epoch(self, runner: Any) -> None:
        """Count and name the replaced clips; an OSError when they are more than allowed."""
        for number, dataset in enumerate(_with_policy(runner.train_dataloader.dataset)):
            here = dataset.unreadable.found()
            found = sorted(set().union(*all_gather_object(here)))
            if not found:
                continue
            runner.logger.warning(
                f'{len(found)} of {len(dataset)} training clips cannot be read and were replaced'
            )
            elsewhere = {(number, index) for index in {*found} - {*here}} - self._named
            self._named |= elsewhere
            for _, index in sorted(elsewhere):
                clip = place_of(dataset.get_data_info(index))
                runner.logger.warning(f'{clip}: replaced in another process')
            dataset.unreadable.check(dataset, found)


def _with_policy(dataset: Any) -> list[Any]:
    """The datasets, inside any wrappers, that have a policy for unreadable clips."""
    return [each for each in unwrap_datasets(dataset) if hasattr(each, 'unreadable')]


def _check_evaluation(dataloader: Any, evaluator: Any, split: str) -> None:
    for dataset in _with_policy(dataloader.dataset):
        policy = dataset.unreadable.policy
        if policy == 'replace':
            raise ValueError(
                f'{split}_dataloader.dataset would replace clips that cannot be read: set '
                'test_mode=True, so that every clip is evaluated'
            )
        if policy != 'wrong':
            continue
        # DumpResults writes the mark beside the scores.
        unaware = [
            type(metric).__name__
            for metric in evaluator.metrics
            if not getattr(metric, 'counts_unreadable', type(metric).__name__ == 'DumpResults')
        ]
        if unaware:
            raise ValueError(
                f"{split}_dataloader.dataset.unreadable='wrong' needs a metric that counts such "
                f'clips as wrong, RecallMetric; {", ".join(unaware)} would score the empty clips: '
                "remove it or set unreadable='raise'"
            )
