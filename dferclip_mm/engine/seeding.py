"""Random numbers as a function of the position in a run: seed, epoch and sample, or iteration.

Nothing depends on what was drawn before, so a resumed run, or one with another number of workers,
draws the same numbers.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler

# The first number of a position: samples and iterations never share their random numbers.
SAMPLES, ITERATIONS = 0, 1


def seed_generators(seed: int, *position: int) -> int:
    """Seed Python's, NumPy's and PyTorch's CPU generator for a position in a run (16 us).

    The position is given as integers from 0, such as ``SAMPLES, epoch, index``. Returns PyTorch's
    seed, for generators of other devices.
    """
    words = np.random.SeedSequence(seed, spawn_key=position).generate_state(4).tolist()
    random.seed(words[0])
    np.random.seed(words[1])
    torch_seed = words[2] << 32 | words[3]
    # Not torch.manual_seed: in a worker it would queue the seed for a GPU each time, at 130 us.
    torch.default_generator.manual_seed(torch_seed)
    return torch_seed


@contextmanager
def preserve_rng_state(*, devices: Sequence[int] = ()) -> Iterator[None]:
    """Restore the three generators afterwards, and those of GPUs given by number (80 us)."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


class SeededIndex(NamedTuple):
    """A sample's index that carries its run's seed and its epoch to a worker."""

    sample: int
    seed: int
    epoch: int

    def __index__(self) -> int:
        return self.sample


class SeededSampler:
    """The indices of a sampler, as :class:`SeededIndex`.

    Each pass over the sampler is one epoch, counted from :attr:`epoch`, which a training loop sets
    before each; of an infinite sampler, each pass over the dataset. The next pass leaves out the
    first :attr:`skipped` indices; the length stays that of a full epoch.
    """

    def __init__(self, sampler: Any, seed: int) -> None:
        self.sampler, self.seed = sampler, seed
        self.epoch = self.skipped = 0

    def __len__(self) -> int:
        return len(self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """MMEngine's call, for the sampler."""
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)

    def skip(self, count: int) -> None:
        """onedl-mmengine's call on resuming a loop of iterations; MMEngine reads the samples."""
        self.skipped = count

    def __iter__(self) -> Iterator[SeededIndex]:
        """The sampler's indices of the next pass."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        skipped, self.skipped = self.skipped, 0
        infinite = isinstance(self.sampler, InfiniteSampler)
        for number, index in enumerate(islice(self.sampler, skipped, None), skipped):
            if infinite:
                drawn = number * self.sampler.world_size + self.sampler.rank
                epoch = drawn // self.sampler.size
            yield SeededIndex(index, self.seed, epoch)


def read_samples(dataset: Any, indices: Sequence[SeededIndex]) -> list[Any]:
    """The samples of a batch, the generators seeded for each.

    The dataset is the outermost: a sample that `RepeatDataset` repeats is drawn anew each time.
    """
    samples = []
    # The main process uses the generators for the model.
    with preserve_rng_state():
        for index in indices:
            seed_generators(index.seed, SAMPLES, index.epoch, index.sample)
            samples.append(dataset[index.sample])
    return samples


def seed_samples(loader: Any, seed: int) -> SeededSampler:
    """Make a `DataLoader` seed the generators for each sample, in whichever process it is read.

    Raises:
        ValueError: when the loader has no batch sampler that takes indices from a sampler.
    """
    found = getattr(loader.batch_sampler, 'sampler', None)
    if found is None:
        raise ValueError(
            'ExactResumeHook needs a batch sampler with a `sampler` in train_dataloader, and found '
            'none: give train_dataloader a batch_size, or remove the hook'
        )
    # PyTorch calls this method of a dataset, if it exists, for all samples of a batch.
    loader.dataset.__getitems__ = functools.partial(read_samples, loader.dataset)
    sampler = SeededSampler(found.sampler if isinstance(found, SeededSampler) else found, seed)
    loader.batch_sampler.sampler = sampler
    if hasattr(sampler.sampler, 'skip'):
        sampler.sampler.skip = sampler.skip
    return sampler
