from types import SimpleNamespace

import pytest
from mmaction.registry import HOOKS
from mmengine.hooks import CheckpointHook

from dferclip_mm.engine.hooks.selection_hook import selection


class Clips(list):
    split = None


def runner_of(split, save_best='dfer/WAR', validates=True):
    clips = Clips(range(5))
    clips.split = split
    hook = CheckpointHook(save_best=save_best, rule='greater')
    lines = []
    return SimpleNamespace(
        hooks=[hook],
        val_loop=object() if validates else None,
        val_dataloader=SimpleNamespace(dataset=clips),
        logger=SimpleNamespace(info=lines.append, lines=lines),
    )


def test_selection_on_test_clips_is_called_optimistic():
    assert selection(runner_of('test')) == (
        'the epoch with the best dfer/WAR on 5 test clips is the result: as published, and '
        'optimistic, since those clips are the test'
    )


def test_selection_on_held_out_clips():
    assert selection(runner_of('validation')) == (
        'the epoch with the best dfer/WAR on 5 validation clips is the result'
    )


@pytest.mark.parametrize('runner', [runner_of('test', None), runner_of('test', validates=False)])
def test_last_epoch(runner):
    assert selection(runner) == 'the last epoch is the result; no checkpoint is chosen'


def test_the_line_is_logged():
    runner = runner_of('test')
    HOOKS.build(dict(type='SelectionHook')).before_train(runner)
    assert runner.logger.lines[0].startswith('protocol: the epoch with the best dfer/WAR')
