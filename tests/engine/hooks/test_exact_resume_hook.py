"""Random numbers of a resumed run are those of an uninterrupted one."""

import pytest
from small_runs import small_config, start

INFINITE = dict(train_dataloader__sampler=dict(type='InfiniteSampler', shuffle=True))


def by_iteration(count):
    checkpoints = dict(default_hooks__checkpoint=dict(by_epoch=False, interval=4))
    return dict(train_cfg__by_epoch=False, train_cfg__max_iters=count, **checkpoints)


def trained(work_dir, **options):
    """The runner of a run whose samples and model draw random numbers, in epochs of 3 batches."""
    cfg = small_config('toy', work_dir=work_dir)
    cfg.model = dict(type='DrawingModel')
    cfg.train_dataloader.update(batch_size=2, dataset=dict(type='DrawingDataset'))
    cfg.train_dataloader.collate_fn = dict(type='pseudo_collate')
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.train_cfg = dict(max_epochs=4) if 'train_cfg__max_iters' not in options else dict()
    cfg.train_cfg.setdefault('by_epoch', True)
    cfg.default_hooks = dict(logger=None, checkpoint=dict(type='CheckpointHook', interval=1))
    cfg.custom_hooks = [dict(type='ExactResumeHook')]
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    runner = start(cfg)
    runner.train()
    return runner


@pytest.mark.parametrize('seed', [3, None])
def test_a_resumed_run_draws_the_same_numbers(seed, tmp_path):
    """Also with a seed that MMEngine drew, which it does not restore in the sampler."""
    options = dict(randomness__seed=seed)
    straight = trained(tmp_path, **options).model.seen
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    assert trained(tmp_path, resume=True, **options).model.seen == straight[6:]


def test_processes_with_seeds_of_their_own_share_the_sampler_s(tmp_path):
    """The checkpoint holds the first process's seed, and the sampler's has to be the same."""
    options = dict(randomness=dict(seed=None, diff_rank_seed=True))
    runner = trained(tmp_path, **options)
    first = runner.train_dataloader.sampler.seed
    assert first == runner.seed
    assert trained(tmp_path, resume=True, **options).train_dataloader.sampler.seed == first


def test_a_loop_that_counts_iterations_resumes_exactly(tmp_path):
    """Passes of an infinite sampler differ, whatever the number of workers."""
    workers = dict(train_dataloader__num_workers=1, train_dataloader__persistent_workers=True)
    options = dict(**INFINITE, **by_iteration(6))
    straight = trained(tmp_path, **workers, **options).model.seen
    samples = [item for batch, _ in straight for item in batch]
    assert sorted(item[0] for item in samples) == sorted([*range(6), *range(6)])
    assert len({number for item in samples for number in item[1:]}) == 12 * 3
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    assert trained(tmp_path, resume=True, **workers, **options).model.seen == straight[4:]
    assert trained(tmp_path / 'again', **options).model.seen == straight
