"""Does a resumed run go where the uninterrupted one would have gone?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop

from ..seeding import ITERATIONS, seed_generators, seed_samples

# MMEngine would log a key that begins with val.
VALIDATED = 'last_validation'
# What a checkpoint's ``meta`` holds of an epoch that has not ended.
_POSITION = ('batches_done', 'batches_per_epoch', 'clips_per_batch')


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes an interrupted and resumed run bitwise equal to an uninterrupted one.

    * Each sample's random numbers follow from (seed, epoch, index), each iteration's from (seed,
      iteration, process), so the number of workers does not matter. With
      ``randomness=dict(seed=None)`` a resumed run takes the seed from its checkpoint.
    * A run that resumes within an epoch skips the batches that were trained on, without reading
      them. (Loops that count iterations read them, as MMEngine does.)
    * A validation that the checkpoint does not hold is made when training resumes: MMEngine writes
      a checkpoint before it validates.
    * ``EarlyStoppingHook`` sees the scores of earlier validations again.
    """

    # After CheckpointHook, which is ready for a validation only after its own before_train, and
    # after DistSamplerSeedHook.
    priority = 'LOWEST'

    def __init__(self) -> None:
        # The checkpoint's iteration, and its position in the epoch; see `_position`.
        self._loaded: tuple[int, dict[str, int]] | None = None
        # The epoch that is being trained, and the iteration at which it started.
        self._epoch: tuple[int, int] | None = None

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Read the position in the epoch."""
        meta = (checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None) or {}
        if {'iter', *_POSITION} <= set(meta):
            self._loaded = meta['iter'], {name: meta[name] for name in _POSITION}

    def before_train(self, runner: Any) -> None:
        """Seed sampler and samples, replay early stopping, and make a missed validation."""
        # MMEngine adds the rank; the processes' samplers have to agree.
        by_rank = runner._randomness_cfg.get('diff_rank_seed', False)
        self.seed = runner.seed - (dist.get_rank() if by_rank else 0)
        self.samples = seed_samples(runner.train_dataloader, self.seed)
        sampler = self.samples.sampler
        given = (runner.cfg.get('train_dataloader') or {}).get('sampler') or {}
        if hasattr(sampler, 'seed') and given.get('seed') is None:
            # MMEngine's is drawn before a checkpoint is read, or in each process.
            sampler.seed = self.seed
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            _restart(runner.train_loop, sampler)
        if self._loaded is not None and self._loaded[0] != runner.iter:
            # Only its weights were loaded.
            self._loaded = None
        if self._loaded is not None:
            self._epoch = runner.epoch, runner.iter - self._loaded[1]['batches_done']
        _replay_early_stopping(runner)
        if _validation_is_missing(runner):
            runner.val_loop.run()

    def before_val_epoch(self, runner: Any) -> None:
        """Note which validation this is, for the checkpoint that may be written after it."""
        # Not runner.train_loop, which would build one for a run that only validates.
        if isinstance(runner._train_loop, BaseLoop):
            runner.message_hub.update_info(VALIDATED, _steps(runner))

    def before_train_epoch(self, runner: Any) -> None:
        """Number the epoch's samples, and skip the batches that are done, if they are the same."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        self.samples.epoch = runner.epoch
        done = 0
        if self._loaded is not None:
            done = self._loaded[1]['batches_done']
            _check_same_batches(self._loaded[1], runner)
            self._loaded = None
            self.samples.skipped = done * runner.train_dataloader.batch_sampler.batch_size
            runner.logger.info(f'epoch {runner.epoch + 1} resumes after {done} batches')
        self._epoch = runner.epoch, runner.iter - done

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any | None = None) -> None:
        """Seed this process, its GPUs included, for what the model draws in this iteration."""
        position = ITERATIONS, runner.iter, dist.get_rank()
        torch.manual_seed(seed_generators(self.seed, *position))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Store the position within an epoch."""
        meta = checkpoint['meta']
        epoch, start = self._epoch or (None, 0)
        if meta['epoch'] == epoch and meta['iter'] > start:
            meta.update(_position(runner, meta['iter'] - start))


def _restart(loop: IterBasedTrainLoop, sampler: Any) -> None:
    """Start the loader's workers again: this loop starts them when it is built, before the seed."""
    if isinstance(sampler, InfiniteSampler):
        sampler.indices = sampler._indices_of_rank()
    # Persistent workers hold the dataset as it was.
    loop.dataloader._iterator = None
    loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)


def _replay_early_stopping(runner: Any) -> None:
    """Give EarlyStoppingHooks the scores that the checkpoint holds: MMEngine stores no state."""
    for hook in [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]:
        history = runner.message_hub.log_scalars.get(f'val/{hook.monitor}')
        for score in [] if history is None else history.data[0].tolist():
            hook.after_val_epoch(runner, {hook.monitor: score})


def _validation_is_missing(runner: Any) -> bool:
    """Whether the loop validates after the steps made, and the checkpoint was written before."""
    loop, steps = runner.train_loop, _steps(runner)
    if runner.val_loop is None or not steps or runner.message_hub.get_info(VALIDATED) == steps:
        return False
    loop._decide_current_val_interval()
    limit = loop.max_iters if isinstance(loop, IterBasedTrainLoop) else loop.max_epochs
    return steps >= loop.val_begin and (steps % loop.val_interval == 0 or steps == limit)


def _steps(runner: Any) -> int:
    """Finished epochs, or iterations where the loop counts these."""
    by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
    return runner.iter if by_iter else runner.epoch


def _position(runner: Any, done: int) -> dict[str, int]:
    """The position within an epoch; clips are those of all processes, 0 where not known."""
    loader = runner.train_dataloader
    batches = loader.batch_sampler
    size = getattr(batches, 'batch_size', 0) if hasattr(batches, 'sampler') else 0
    numbers = (done, len(loader), size * dist.get_world_size())
    return dict(zip(_POSITION, numbers, strict=True))


def _check_same_batches(stored: dict[str, int], runner: Any) -> None:
    done, batches, clips = stored.values()
    _, here, clips_here = _position(runner, done).values()
    if (batches, clips) != (here, clips_here) or done > here or not clips_here:
        raise ValueError(
            f'the checkpoint was written after {done} of {batches} batches of epoch '
            f'{runner.epoch + 1}, of {clips} clips each; here an epoch has {here} of {clips_here}: '
            'resume with the clips, the batch size and the number of processes that it was trained '
            'with, or resume a checkpoint written after an epoch'
        )
