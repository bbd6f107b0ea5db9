"""A run that resumes within an epoch goes on with that epoch's next batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop


class SkipFirst:
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


class Place(NamedTuple):
    """Where a run is in its epoch; a checkpoint's ``meta`` holds these, within an epoch alone."""

    batches_done: int
    batches_per_epoch: int
    # Of all processes together; 0 where the loader does not say.
    clips_per_batch: int


@HOOKS.register_module()
class MidEpochHook(Hook):
    """Skips the batches of an interrupted epoch that were trained on, without reading them.

    The host begins the epoch again. Checkpoints that are written within an epoch say where; one of
    an epoch's end resumes with any batch size and number of processes, as the host has it. The
    first epoch after resuming counts its batches from 0 in the log. Loops by iteration read what
    they skip, as the host has it.
    """

    # After RandomnessHook, whose sampler numbers the samples.
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._whole: Any | None = None
        # The checkpoint's place, and after how many iterations of the run that was.
        self._loaded: tuple[int, Place] | None = None
        self._skipped, self._done = 0, 0

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Take the place in the epoch."""
        meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
        if not isinstance(meta, Mapping):
            return
        values = [meta.get(name) for name in ('iter', *Place._fields)]
        numbers = [value for value in values if type(value) is int and value >= 0]
        if len(numbers) == len(values):
            self._loaded = numbers[0], Place(*numbers[1:])

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Say where in its epoch the run is."""
        place = self._stored(runner)
        if place is None and self._done:
            place = _here(runner)._replace(batches_done=self._done)
        if place is not None:
            checkpoint['meta'].update(place._asdict())

    def before_train_epoch(self, runner: Any) -> None:
        """Leave out what is done.

        Raises:
            ValueError: when the epoch has other batches than it had, or when the loader's do not
                come from a sampler of indices.
        """
        stored, self._loaded, self._skipped = self._stored(runner), None, 0
        if stored is None or not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        here, done = _here(runner), stored.batches_done
        loader = runner.train_loop.dataloader
        batches = loader.batch_sampler
        if not here.clips_per_batch:
            raise ValueError(
                f'the checkpoint was written after {done} batches of epoch {runner.epoch + 1}, and '
                'train_dataloader has no batch sampler that can skip them: resume a checkpoint of '
                "an epoch's end"
            )
        if stored != here._replace(batches_done=done) or done > len(loader):
            raise ValueError(
                f'the checkpoint was written after {done} of {stored.batches_per_epoch} batches '
                f'of epoch {runner.epoch + 1}, of {stored.clips_per_batch} clips each; here an '
                f'epoch has {len(loader)} of {here.clips_per_batch}: resume with the clips, the '
                'batch size and the number of processes that it was trained with, or resume a '
                "checkpoint of an epoch's end"
            )
        runner.logger.info(
            f'epoch {runner.epoch + 1} goes on after {done} of {len(loader)} batches'
        )
        self._skipped, self._whole = done, batches.sampler
        batches.sampler = SkipFirst(batches.sampler, done * batches.batch_size)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any | None = None, outputs: Any | None = None
    ) -> None:
        """Count the epoch's batches."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._done = self._skipped + batch_idx + 1

    def after_train_epoch(self, runner: Any) -> None:
        """The next epoch is whole again."""
        self._skipped = self._done = 0
        if self._whole is not None:
            runner.train_loop.dataloader.batch_sampler.sampler = self._whole
            self._whole = None

    def _stored(self, runner: Any) -> Place | None:
        """What was loaded, when the run goes on from there and has not moved since."""
        if self._loaded is not None and self._loaded[0] == runner.iter:
            return self._loaded[1]
        return None


def _here(runner: Any) -> Place:
    """This run's epoch, at its start."""
    loader = runner.train_loop.dataloader
    batches = loader.batch_sampler
    size = getattr(batches, 'batch_size', 0) if hasattr(batches, 'sampler') else 0
    return Place(0, len(loader), size * dist.get_world_size())
