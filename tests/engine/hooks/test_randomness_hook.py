"""A run draws by its seed and its place, and takes both up again when it resumes."""

import pytest
from drawing_runs import drawing_run, trained
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook

INFINITE = dict(sampler=dict(type='InfiniteSampler', shuffle=True))


def by_iteration(count):
    checkpoints = dict(
        logger=None, checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)
    )
    return dict(train_cfg=dict(by_epoch=False, max_iters=count), default_hooks=checkpoints)


class SkipSeen(Hook):
    """Leaves out the first batches of the first epoch, as a run resumed within it would."""

    priority = 'LOWEST'

    def __init__(self, count):
        self.count = count

    def before_train(self, runner):
        batches, count = runner.train_dataloader.batch_sampler, self.count
        indices = list(batches.sampler)[2 * count :]

        class Rest:
            def __iter__(self):
                return iter(indices)

        batches.sampler = Rest()
        runner.train_loop._iter = count


def test_every_number_of_a_run_is_its_own(tmp_path):
    seen = trained(tmp_path)
    assert len(seen) == 12
    numbers = [n for samples, own in seen for item in samples for n in item[1:]]
    numbers += [n for _, own in seen for n in own]
    assert len(set(numbers)) == 12 * (2 * 3 + 3)


@pytest.mark.parametrize('workers', [1, 2])
def test_workers_do_not_matter(workers, tmp_path):
    options = dict(num_workers=workers, persistent_workers=workers > 1)
    assert trained(tmp_path / 'a', loader=options) == trained(tmp_path / 'b')


def test_seeds_matter(tmp_path):
    assert trained(tmp_path / 'a', seed=4) != trained(tmp_path / 'b')


@pytest.mark.parametrize('seed', [3, None])
def test_a_resumed_run_goes_on(seed, tmp_path):
    """With the drawn seed too, of which the host's sampler would lose sight."""
    straight = trained(tmp_path, seed=seed)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    assert trained(tmp_path, seed=seed, resume=True) == straight[6:]


def test_a_drawn_seed_is_another_each_time(tmp_path):
    assert trained(tmp_path / 'a', seed=None) != trained(tmp_path / 'b', seed=None)


def test_another_seed_for_each_process(tmp_path):
    """The checkpoint holds the first process's seed, and the sampler's has to be the same."""
    runner = drawing_run(tmp_path, randomness=dict(seed=None, diff_rank_seed=True))
    runner.train()
    first = runner.train_dataloader.sampler.seed
    assert first == runner.seed
    again = drawing_run(tmp_path, randomness=dict(seed=None, diff_rank_seed=True), resume=True)
    again.train()
    assert again.train_dataloader.sampler.seed == first


def test_a_seed_of_the_sampler_s_own_is_left(tmp_path):
    runner = drawing_run(tmp_path, loader=dict(sampler=dict(type='DefaultSampler', seed=11)))
    runner.train()
    assert isinstance(runner.train_dataloader.sampler, DefaultSampler)
    assert runner.train_dataloader.sampler.seed == 11


@pytest.mark.parametrize('workers', [0, 2])
def test_loops_that_count_iterations(workers, tmp_path):
    """Passes of an endless sampler differ, and a resumed run goes on."""
    options = dict(INFINITE, num_workers=workers, persistent_workers=workers > 0)
    straight = trained(tmp_path, loader=options, **by_iteration(6))
    samples = [item for batch, _ in straight for item in batch]
    assert sorted(item[0] for item in samples) == sorted([*range(6), *range(6)])
    assert len({number for item in samples for number in item[1:]}) == 12 * 3
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    assert trained(tmp_path, loader=options, **by_iteration(6), resume=True) == straight[4:]
    assert trained(tmp_path / 'again', loader=INFINITE, **by_iteration(6)) == straight


def test_a_run_resumed_within_an_epoch_goes_on(tmp_path):
    """Whoever leaves out the batches seen, and sets the iteration, gets the rest as it was."""
    straight = trained(tmp_path / 'a')
    runner = drawing_run(tmp_path / 'b', train_cfg=dict(by_epoch=True, max_epochs=1))
    runner.register_hook(SkipSeen(2))
    runner.train()
    assert runner.model.seen == straight[2:3]
