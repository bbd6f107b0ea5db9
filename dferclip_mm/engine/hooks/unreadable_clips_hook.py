"""What came of clips that cannot be read, over all processes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook

from ...media.errors import place_of


@HOOKS.register_module()
class UnreadableClipsHook(Hook):
    """Counts the training clips that were replaced, and guards evaluation.

    After each epoch the replaced clips of all processes are counted together, those of other
    processes are named, and the data set's ``max_replaced`` is held to. An evaluation is refused
    when its data set replaces clips, or gives marked ones to a metric that would score them.
    """

    def before_train(self, runner: Any) -> None:
        """See that validation will count every clip."""
        self._told: set[tuple[int, int]] = set()
        if runner.val_loop is not None:
            _require_every_clip(runner.val_dataloader, runner.val_evaluator, 'val')

    def before_val(self, runner: Any) -> None:
        """See that every clip counts."""
        _require_every_clip(runner.val_dataloader, runner.val_evaluator, 'val')

    def before_test(self, runner: Any) -> None:
        """See that every clip counts."""
        _require_every_clip(runner.test_dataloader, runner.test_evaluator, 'test')

    def after_train_epoch(self, runner: Any) -> None:
        """Count and name.

        Raises:
            OSError: when more clips were replaced than the data set allows.
        """
        for number, dataset in enumerate(_with_policy(runner.train_dataloader.dataset)):
            here = dataset.unreadable.found()
            found = sorted(set().union(*all_gather_object(here)))
            if not found:
                continue
            runner.logger.warning(
                f'{len(found)} of {len(dataset)} training clips cannot be read and were replaced'
            )
            for index in sorted({*found} - {*here}):
                if (number, index) in self._told:
                    continue
                self._told.add((number, index))
                place = place_of(dataset.get_data_info(index))
                runner.logger.warning(f'{place}: replaced in another process')
            dataset.unreadable.check(dataset, found)


def _with_policy(dataset: Any) -> Iterator[Any]:
    """The data sets with a policy inside the host's wrappers."""
    if hasattr(dataset, 'unreadable'):
        yield dataset
    for inner in [getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', ())]:
        if inner is not None:
            yield from _with_policy(inner)


def _require_every_clip(dataloader: Any, evaluator: Any, part: str) -> None:
    for dataset in _with_policy(dataloader.dataset):
        policy = dataset.unreadable.policy
        if policy == 'replace':
            raise ValueError(
                f'{part}_dataloader.dataset would replace clips that cannot be read: set '
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
                f"{part}_dataloader.dataset.unreadable='wrong' needs a metric that counts such "
                f'clips as wrong, RecallMetric; {", ".join(unaware)} would score the empty clips: '
                "take it out or set unreadable='raise'"
            )
