"""Random numbers and validations of a resumed run are those of an uninterrupted one."""

import pytest
from drawing_runs import drawing_run, trained
from mini_corpora import write_dfew
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from small_runs import small_config, start

INFINITE = dict(sampler=dict(type='InfiniteSampler', shuffle=True))


def by_iteration(count):
    checkpoints = dict(
        logger=None, checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)
    )
    return dict(train_cfg=dict(by_epoch=False, max_iters=count), default_hooks=checkpoints)


def test_no_two_numbers_of_a_run_are_equal(tmp_path):
    seen = trained(tmp_path)
    assert len(seen) == 12
    numbers = [n for samples, own in seen for item in samples for n in item[1:]]
    numbers += [n for _, own in seen for n in own]
    assert len(set(numbers)) == 12 * (2 * 3 + 3)


@pytest.mark.parametrize('seed', [3, None])
def test_a_resumed_run_draws_the_same_numbers(seed, tmp_path):
    """Also with a seed that MMEngine drew, which it does not restore in the sampler."""
    straight = trained(tmp_path, seed=seed)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    assert trained(tmp_path, seed=seed, resume=True) == straight[6:]


def test_processes_with_seeds_of_their_own_share_the_sampler_s(tmp_path):
    """The checkpoint holds the first process's seed, and the sampler's has to be the same."""
    runner = drawing_run(tmp_path, randomness=dict(seed=None, diff_rank_seed=True))
    runner.train()
    first = runner.train_dataloader.sampler.seed
    assert first == runner.seed
    again = drawing_run(tmp_path, randomness=dict(seed=None, diff_rank_seed=True), resume=True)
    again.train()
    assert again.train_dataloader.sampler.seed == first


def test_a_sampler_s_own_seed_is_kept(tmp_path):
    runner = drawing_run(tmp_path, loader=dict(sampler=dict(type='DefaultSampler', seed=11)))
    runner.train()
    assert isinstance(runner.train_dataloader.sampler, DefaultSampler)
    assert runner.train_dataloader.sampler.seed == 11


def test_a_loop_that_counts_iterations_resumes_exactly(tmp_path):
    """Passes of an infinite sampler differ, whatever the number of workers."""
    options = dict(INFINITE, num_workers=1, persistent_workers=True)
    straight = trained(tmp_path, loader=options, **by_iteration(6))
    samples = [item for batch, _ in straight for item in batch]
    assert sorted(item[0] for item in samples) == sorted([*range(6), *range(6)])
    assert len({number for item in samples for number in item[1:]}) == 12 * 3
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    assert trained(tmp_path, loader=options, **by_iteration(6), resume=True) == straight[4:]
    assert trained(tmp_path / 'again', loader=INFINITE, **by_iteration(6)) == straight


class CountHook(Hook):
    """Records after which epochs the run was validated."""

    def __init__(self):
        self.validated = []

    def before_val_epoch(self, runner):
        self.validated.append(runner.epoch)


@pytest.fixture
def validated_run(tmp_path):
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)

    def train(epochs, *, resume=False, save_best=None, interval=1):
        """The epochs that were validated, and all scores; a best epoch is saved again."""
        cfg = small_config('dferclip_dfew', root.parent, tmp_path / 'run')
        cfg.train_cfg.update(max_epochs=epochs, val_interval=interval)
        cfg.default_hooks.checkpoint.save_best = save_best
        cfg.resume = resume
        runner, count = start(cfg), CountHook()
        runner.register_hook(count)
        runner.train()
        return count.validated, runner.message_hub.get_scalar('val/dfer/WAR').data[0].tolist()

    return train


def test_a_missed_validation_is_made_on_resume(validated_run):
    _, scores = validated_run(2)
    validated, resumed = validated_run(3, resume=True)
    assert validated == [2, 3]
    assert resumed[:2] == scores
    # Also where training was complete.
    assert validated_run(3, resume=True)[0] == [3]


def test_a_validation_in_the_checkpoint_is_not_repeated(validated_run):
    validated_run(1, save_best='dfer/WAR')
    validated, scores = validated_run(2, resume=True, save_best='dfer/WAR')
    assert validated == [2]
    assert len(scores) == 2


def test_an_epoch_without_a_validation_stays_without(validated_run):
    validated_run(3, interval=2)
    assert validated_run(4, resume=True, interval=2)[0] == [4]
