"""A run that resumes within an epoch goes on with that epoch's next batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop


class LaterIndices:
    """A sampler without its first indices.

    Args:
        sampler: gives indices.
        skipped: how many of them are left out in each pass.
    """

    def __init__(self, sampler: Any, skipped: int) -> None:
        self.sampler, self.skipped = sampler, skipped

    def __iter__(self) -> Iterator[Any]:
        """The rest of a pass."""
        return islice(iter(self.sampler), self.skipped, None)

    def __len__(self) -> int:
        """The whole pass: an epoch keeps its length."""
        return len(self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """Handed on: MMEngine reaches a batch sampler's sampler by this name."""
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)


@HOOKS.register_module()
class MidEpochHook(Hook):
    """Skips the batches of an interrupted epoch that were trained on, without reading them.

    The host begins the epoch again. The first epoch after resuming counts its batches from 0 in
    the log. Loops by iteration read what they skip, as the host has it.
    """

    # After RandomnessHook, whose sampler numbers the samples.
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._whole: Any | None = None

    def before_train_epoch(self, runner: Any) -> None:
        """Leave out what is done.

        Raises:
            ValueError: when the loader's batches do not come from a sampler of indices.
        """
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop):
            return
        loader = loop.dataloader
        done = runner.iter - runner.epoch * len(loader)
        if done <= 0:
            return
        batches = loader.batch_sampler
        size = getattr(batches, 'batch_size', None)
        if size is None or not hasattr(batches, 'sampler'):
            raise ValueError(
                f'the checkpoint was written after {done} batches of epoch {runner.epoch + 1}, and '
                'train_dataloader has no batch sampler that can skip them: resume a checkpoint of '
                "an epoch's end"
            )
        if done > len(loader):
            raise ValueError(
                f'the checkpoint was written after {runner.iter} iterations, in epoch '
                f'{runner.epoch + 1}; here an epoch has {len(loader)}: resume with the number of '
                'clips, the batch size and the number of processes that it was trained with'
            )
        runner.logger.info(
            f'epoch {runner.epoch + 1} goes on after {done} of {len(loader)} batches'
        )
        self._whole = batches.sampler
        batches.sampler = LaterIndices(batches.sampler, done * size)

    def after_train_epoch(self, runner: Any) -> None:
        """The next epoch is whole again."""
        if self._whole is not None:
            runner.train_loop.dataloader.batch_sampler.sampler = self._whole
            self._whole = None
