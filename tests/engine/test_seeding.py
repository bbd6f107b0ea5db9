"""Random numbers follow from the position in a run, in whichever process they are drawn."""

import pytest
from mmengine.dataset import (
    ConcatDataset,
    DefaultSampler,
    InfiniteSampler,
    RepeatDataset,
)
from small_parts import DrawingDataset, three_numbers
from torch.utils.data import DataLoader

from dferclip_mm.engine.seeding import (
    SAMPLES,
    SeededIndex,
    SeededSampler,
    preserve_rng_state,
    seed_generators,
    seed_samples,
)


def drawn_at(*place):
    seed_generators(*place)
    return three_numbers()


def epochs(loader, count=2):
    """The samples of each epoch by index, as an epoch-based loop reads them."""
    draws, found = seed_samples(loader, seed=5), []
    for epoch in range(count):
        draws.epoch = epoch
        found.append(sorted(item for batch in loader for item in batch))
    return found


def loader(workers=0, dataset=None, **options):
    data = dataset or DrawingDataset()
    sampler = DefaultSampler(data, seed=1)
    options = dict(batch_size=2, num_workers=workers, **options)
    return DataLoader(data, sampler=sampler, collate_fn=list, **options)


def test_a_position_determines_the_numbers():
    assert drawn_at(1, SAMPLES, 2, 3) == drawn_at(1, SAMPLES, 2, 3)
    places = [(1, 0, 2, 3), (1, 1, 2, 3), (2, 0, 2, 3), (1, 0, 3, 3), (1, 0, 2, 4), (1, 0, 3, 2)]
    numbers = [number for place in places for number in drawn_at(*place)]
    assert len(set(numbers)) == 3 * len(places)
    # Literal: a run may be resumed with a later release.
    expected = (0.5800641733932177, 0.7954333998595003, 0.6689791083335876)
    assert drawn_at(1, SAMPLES, 2, 3) == expected


def test_reading_leaves_the_main_process_s_generators():
    expected = drawn_at(9)
    seed_generators(9)
    with pytest.raises(ZeroDivisionError), preserve_rng_state():
        assert three_numbers()[0] / 0
    batches = loader()
    seed_samples(batches, seed=5)
    seed_generators(9)
    batches.dataset.__getitems__([SeededIndex(0, 5, 0), SeededIndex(1, 5, 0)])
    assert three_numbers() == expected


@pytest.mark.parametrize(('workers', 'persistent'), [(1, True), (2, False)])
def test_samples_do_not_depend_on_the_workers(workers, persistent):
    assert epochs(loader(workers, persistent_workers=persistent)) == epochs(loader())


def test_a_repeated_sample_is_drawn_anew():
    """So is the same index of another dataset."""
    for wrapped in (
        RepeatDataset(DrawingDataset(), times=2),
        ConcatDataset([DrawingDataset(), DrawingDataset()]),
    ):
        first, second = epochs(loader(dataset=wrapped))
        assert [item[0] for item in first] == sorted([*range(6), *range(6)])
        numbers = [number for item in first + second for number in item[1:]]
        assert len(set(numbers)) == 3 * 24


def test_an_infinite_sampler_counts_its_passes():
    data = DrawingDataset(5)
    for rank, world in ((0, 1), (1, 2)):
        sampler = InfiniteSampler(data, seed=1)
        sampler.rank, sampler.world_size = rank, world
        sampler.indices = sampler._indices_of_rank()
        drawn = [draw for draw, _ in zip(SeededSampler(sampler, 5), range(15), strict=False)]
        places = [number * world + rank for number in range(15)]
        assert [draw.epoch for draw in drawn] == [place // 5 for place in places]
        assert len({(draw.sample, draw.epoch) for draw in drawn}) == 15
