"""NaN and infinity stop a run, which names the clips and saves none of them."""

import math
import re
from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mmengine.hooks import EMAHook, Hook
from small_runs import small_config, start


class SpoilHook(Hook):
    """Sets the loss or a weight in one iteration."""

    priority = 'VERY_HIGH'

    def __init__(self, iteration, loss=None, weight=None):
        self.iteration, self.loss, self.weight = iteration, loss, weight

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.iteration:
            if self.loss is not None:
                outputs['loss'] = torch.tensor(self.loss)
            if self.weight is not None:
                next(runner.model.parameters()).data.view(-1)[0] = self.weight


def checkpoints(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


def spoilt(work_dir, spoil, **options):
    """A toy run of 3 epochs of 3 iterations with a spoiler."""
    cfg = small_config('toy', work_dir=work_dir, train_cfg__max_epochs=3, **options)
    cfg.train_dataloader.batch_size = 10
    cfg.default_hooks.checkpoint.save_best = None
    cfg.custom_hooks = [dict(type='CheckInvalidLossHook')]
    runner = start(cfg)
    runner.register_hook(spoil)
    return runner


@pytest.mark.promise(
    'Settings and numbers', 'A loss of NaN or infinity stops the run and is never saved'
)
@pytest.mark.parametrize(('iteration', 'kept', 'value'), [(0, 0, math.nan), (5, 1, -math.inf)])
def test_a_loss_stops_the_run(iteration, kept, value, tmp_path):
    """In the first iteration, and in the last one of an epoch."""
    runner = spoilt(tmp_path, SpoilHook(iteration, loss=value))
    message = f'iteration {iteration + 1} .*loss = {value}'.replace('(', '[(]')
    with pytest.raises(FloatingPointError, match=message):
        runner.train()
    assert checkpoints(tmp_path) == [f'epoch_{number + 1}.pth' for number in range(kept)]


@pytest.mark.parametrize('averaged', [False, True])
def test_weights_stop_the_run_before_a_checkpoint(averaged, tmp_path):
    """EMAHook puts its average into the checkpoint, in place of the weights."""
    runner = spoilt(tmp_path, SpoilHook(5, weight=math.nan))
    if averaged:
        runner.register_hook(EMAHook())
    with pytest.raises(FloatingPointError, match=r'finite and not saved: state_dict\.linear'):
        runner.train()
    assert checkpoints(tmp_path) == ['epoch_1.pth']


def test_invalid_weights_are_not_scored_and_masks_with_infinity_are(tmp_path):
    """open_clip's text encoder has a mask with infinity."""
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    runner = start(small_config('dferclip_dfew', root.parent, tmp_path / 'run'))
    assert any(value.isinf().any() for value in runner.model.buffers())
    assert 0 <= runner.test()['dfer/WAR'] <= 100
    runner.save_checkpoint(
        str(tmp_path), 'masked.pth', save_optimizer=False, save_param_scheduler=False
    )
    next(runner.model.parameters()).data.view(-1)[0] = math.nan
    for score in (runner.test, runner.val):
        with pytest.raises(FloatingPointError, match='not scored'):
            score()


@pytest.mark.promise(
    'Settings and numbers', 'The clips of that batch are named, with list and line'
)
def test_the_clips_are_named_with_their_lines(tmp_path):
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    cfg = small_config('dferclip_dfew', root.parent, tmp_path / 'run')
    runner = start(cfg)
    runner.register_hook(SpoilHook(1, loss=math.nan))
    with pytest.raises(FloatingPointError) as caught:
        runner.train()
    named = re.findall(r'^  (\S+) \((\S+):(\d+)\)$', str(caught.value), re.MULTILINE)
    assert len(named) == 2
    for folder, file, line in named:
        listed = Path(file).read_text().splitlines()[int(line) - 1]
        assert int(listed.split(',')[0]) == int(folder.rpartition('/')[2])
