"""Every random number of a training run follows from its seed and its place in the run."""

from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, IterBasedTrainLoop

from ..seeding import ITERATIONS, seed_generators, seed_samples


@HOOKS.register_module()
class RandomnessHook(Hook):
    """Seeds each sample from (seed, epoch, index), each iteration from (seed, iteration, process).

    A run that is interrupted and resumed, after an epoch or within one, draws what it would have
    drawn; the number of workers does not matter; no epoch repeats another's augmentation (the
    host's do, with ``persistent_workers=False``); processes draw different dropout. With
    ``randomness=dict(seed=None)`` the seed that the host draws is kept in the checkpoint, and a
    resumed run takes it up for its sampler too, where the host leaves a new one.
    """

    # Before all that could draw in an iteration, but for StrictLoadHook and its like.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.sampler_has_own_seed = False

    def before_run(self, runner: Any) -> None:
        """Before a checkpoint is read: see whether the sampler was given a seed of its own."""
        if isinstance(runner._train_loop, BaseLoop):
            seed = getattr(_sampler(runner.train_dataloader), 'seed', runner.seed)
            # With diff_rank_seed the host draws the sampler's, and keeps it nowhere.
            self.sampler_has_own_seed = seed != runner.seed and not _by_rank(runner)

    def before_train(self, runner: Any) -> None:
        """Hand the run's seed to the sampler, the samples and this process.

        Raises:
            ValueError: when the loader has no batch sampler that takes indices from a sampler.
        """
        # The host adds the rank; the processes' samplers have to agree.
        self.seed = runner.seed - (get_rank() if _by_rank(runner) else 0)
        self.draws = seed_samples(runner.train_dataloader, self.seed)
        sampler = self.draws.sampler
        if hasattr(sampler, 'seed') and not self.sampler_has_own_seed:
            sampler.seed = self.seed
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            _restart(runner.train_loop, sampler)

    def before_train_epoch(self, runner: Any) -> None:
        """Number the epoch's samples."""
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            self.draws.epoch = runner.epoch

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any | None = None) -> None:
        """Seed this process, its GPUs included, for what the model draws in this iteration."""
        torch.manual_seed(seed_generators(self.seed, ITERATIONS, runner.iter, get_rank()))


def _sampler(loader: Any) -> Any:
    return getattr(loader.batch_sampler, 'sampler', None)


def _by_rank(runner: Any) -> bool:
    return bool(runner._randomness_cfg.get('diff_rank_seed', False))


def _restart(loop: IterBasedTrainLoop, sampler: Any) -> None:
    """Begin the data again: this loop starts its workers when it is built, before the seed."""
    if isinstance(sampler, InfiniteSampler):
        sampler.indices = sampler._indices_of_rank()
    # Persistent workers hold the data set as it was.
    loop.dataloader._iterator = None
    loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)
