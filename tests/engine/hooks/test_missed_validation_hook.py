"""A run that was stopped between its checkpoint and its validation makes up for it."""

import pytest
from mini_corpora import write_dfew
from mmengine.hooks import Hook
from small_runs import small_config, start


class CountHook(Hook):
    """Notes after how many epochs it was validated."""

    def __init__(self):
        self.validated = []

    def before_val_epoch(self, runner):
        self.validated.append(runner.epoch)


@pytest.fixture
def run(tmp_path):
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)

    def train(epochs, *, resume=False, keep_scores=True, interval=1):
        cfg = small_config('dferclip_dfew', root.parent, tmp_path / 'run')
        cfg.train_cfg.update(max_epochs=epochs, val_interval=interval)
        if not keep_scores:
            # Then the checkpoint is not written again after validation.
            cfg.default_hooks.checkpoint.save_best = None
        cfg.resume = resume
        runner, count = start(cfg), CountHook()
        runner.register_hook(count)
        runner.train()
        return count.validated, runner.message_hub.get_scalar('val/dfer/WAR').data[0].tolist()

    return train


def test_a_missed_validation_comes_first(run):
    _, scores = run(2, keep_scores=False)
    validated, resumed = run(3, resume=True, keep_scores=False)
    assert validated == [2, 3]
    assert resumed[:2] == scores


def test_also_where_training_was_complete(run):
    run(2, keep_scores=False)
    validated, scores = run(2, resume=True, keep_scores=False)
    assert validated == [2]
    assert len(scores) == 2


def test_one_that_is_in_the_checkpoint_does_not_come_again(run):
    """The first epoch is the best so far, so the host writes its checkpoint again."""
    run(1)
    validated, scores = run(2, resume=True)
    assert validated == [2]
    assert len(scores) == 2


def test_epochs_that_are_not_validated_stay_so(run):
    run(3, keep_scores=False, interval=2)
    validated, _ = run(4, resume=True, keep_scores=False, interval=2)
    assert validated == [4]
