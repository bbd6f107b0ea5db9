"""Random numbers as a function of a place in a run: seed, epoch and sample, or seed and iteration.

Nothing here depends on what was drawn before, so a resumed run, or one with another number of
workers, draws what the first one would have drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from torch.utils.data import get_worker_info

# The first word of a place: samples and iterations never share their numbers.
SAMPLES, ITERATIONS = 0, 1


def seed_generators(seed: int, *place: int) -> int:
    """Seed Python's, numpy's and PyTorch's CPU generator for a place in a run (16 us).

    Args:
        seed: of the run.
        place: whole numbers from 0, such as ``SAMPLES, epoch, index``.

    Returns:
        PyTorch's seed, for generators of other devices.
    """
    words = np.random.SeedSequence(seed, spawn_key=place).generate_state(4).tolist()
    random.seed(words[0])
    np.random.seed(words[1])
    drawn = words[2] << 32 | words[3]
    # Not torch.manual_seed: in a worker it would queue the seed for a GPU each time, at 130 us.
    torch.default_generator.manual_seed(drawn)
    return drawn


@contextmanager
def preserve_rng_state(*, devices: Sequence[int] = ()) -> Iterator[None]:
    """Leave the three generators, and those of GPUs given by number, as they were (80 us)."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


class SeededIndex(int):
    """A sample's index that knows its run's seed and its epoch, on the way to a worker."""

    seed: int
    epoch: int

    def __new__(cls, index: int, seed: int, epoch: int) -> SeededIndex:
        """An index in one epoch of a run."""
        draw = super().__new__(cls, index)
        draw.seed, draw.epoch = seed, epoch
        return draw

    def __reduce__(self) -> tuple[type[SeededIndex], tuple[int, int, int]]:
        """What another process makes the same draw of."""
        return SeededIndex, (int(self), self.seed, self.epoch)


class SeededSampler:
    """The indices of a sampler, as :class:`SeededIndex`.

    Each pass over the sampler is one epoch, counted from :attr:`epoch`, which a training loop
    sets before each; of an endless sampler, each pass over the data set.

    Args:
        sampler: gives indices.
        seed: of the run.
    """

    def __init__(self, sampler: Any, seed: int) -> None:
        self.sampler, self.seed, self.epoch = sampler, seed, 0

    def __iter__(self) -> Iterator[SeededIndex]:
        """The sampler's indices of the next pass."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        endless = isinstance(self.sampler, InfiniteSampler)
        for number, index in enumerate(self.sampler):
            if endless:
                place = number * self.sampler.world_size + self.sampler.rank
                epoch = place // self.sampler.size
            yield SeededIndex(index, self.seed, epoch)

    def __len__(self) -> int:
        """The sampler's own."""
        return len(self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """Handed on: MMEngine reaches a batch sampler's sampler by this name."""
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)


class SeededFetch:
    """Reads samples of a data set, each with the generators seeded for its :class:`SeededIndex`.

    The outermost data set is asked, so that a sample that `RepeatDataset` repeats is not drawn
    alike twice.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __call__(self, indices: Sequence[int]) -> list[Any]:
        """The samples of a batch."""
        if get_worker_info() is not None:
            return self._read(indices)
        # The main process has its own use for the generators.
        with preserve_rng_state():
            return self._read(indices)

    def _read(self, indices: Sequence[int]) -> list[Any]:
        items = []
        for index in indices:
            if isinstance(index, SeededIndex):
                seed_generators(index.seed, SAMPLES, index.epoch, int(index))
            items.append(self.dataset[int(index)])
        return items


def seed_samples(loader: Any, seed: int) -> SeededSampler:
    """Let a loader seed the generators for each sample, in whichever process it is read.

    Args:
        loader: a `DataLoader`, not iterated yet, or again only through a new iterator.
        seed: of the run.

    Raises:
        ValueError: when the loader has no batch sampler that takes indices from a sampler.
    """
    found = getattr(loader.batch_sampler, 'sampler', None)
    if found is None:
        raise ValueError(
            'RandomnessHook numbers the samples where a batch sampler takes them from its sampler; '
            'train_dataloader has no batch sampler, or one without a `sampler`: give it a '
            'batch_size, or leave the hook out'
        )
    # PyTorch asks a data set for the samples of a batch by this name; a class's own is for speed.
    loader.dataset.__getitems__ = SeededFetch(loader.dataset)
    draws = SeededSampler(found.sampler if isinstance(found, SeededSampler) else found, seed)
    loader.batch_sampler.sampler = draws
    return draws
