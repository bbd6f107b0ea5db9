"""What a resumed run does as the interrupted one would have done, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import check_equal, check_resumes, finish, go, names, refusal
from lengths import LONG

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE


@pytest.mark.parametrize('keep', [-1, 1] if LONG else [1])
def test_a_resumed_run_saves_the_best_epoch_where_no_checkpoint_is_due(
    keep: int, tmp_path: Path
) -> None:
    """The third of five epochs is the best so far; a checkpoint is due after each second one."""
    run: dict[str, Any] = dict(train_cfg__max_epochs=5, keep=keep, randomness__seed=2)
    check_resumes(tmp_path, at=15, default_hooks__checkpoint__interval=2, **run)
    assert ('epoch_3.pth' in names(tmp_path / 'straight')) == (keep == -1)


# Killed and stopped by a signal: in the first validation, in the second epoch, in the third epoch
# and in its validation. The hook comes after or before the one that saves.
STOPS = [(8, 'train_iter', 9, 'LOWEST'), (14, 'train_iter', 15, 'HIGH')]
if LONG:
    STOPS += [(6, 'val_iter', 15, 'HIGH'), (9, 'train_iter', 15, 'LOWEST')]
    STOPS += [(18, 'val_iter', 15, 'LOWEST'), (18, 'val_iter', 15, 'HIGH')]


@pytest.mark.promise('Resuming', 'Early stopping happens at the same epoch in a resumed run')
@pytest.mark.parametrize(('at', 'when', 'number', 'priority'), STOPS)
def test_a_resumed_run_stops_early_at_the_same_epoch(
    at: int, when: str, number: int, priority: str, tmp_path: Path
) -> None:
    """No epoch is better by so much: the third is the last of eight, though it is the best."""
    stopper = dict(type='EarlyStoppingHook', monitor='dfer/WAR', rule='greater', priority=priority)
    stopper.update(patience=2, min_delta=50)
    run: dict[str, Any] = dict(keep=-1, randomness__seed=2, hooks=[stopper])
    run['train_cfg__max_epochs'] = 8
    check_resumes(tmp_path, at=at, when=when, number=number, **run)
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    assert names(straight) == ['best_dfer_WAR_epoch_3.pth', *(f'epoch_{n}.pth' for n in (1, 2, 3))]
    # Its last validation was its best, and is not repeated.
    finish(halves, 'third', resume=True, **run)
    check_equal(straight, halves)


# Fewer batches an epoch, and as many of other clips (six of 11, the last of 5).
@pytest.mark.parametrize('size', [20, 11] if LONG else [11])
def test_another_batch_size_resumes_only_after_an_epoch(size: int, tmp_path: Path) -> None:
    half, whole, other = tmp_path / 'half', tmp_path / 'whole', dict(resume=True)
    other['train_dataloader__batch_size'] = size
    assert go(half, 'first', at=9)[0] == EXIT_CODE
    batches = -(-60 // size)
    said = refusal(*go(half, 'second', **other))
    assert 'after 3 of 6 batches of epoch 2, of 10 clips each' in said
    assert f'here an epoch has {batches} of {size}' in said

    finish(whole, 'first', train_cfg__max_epochs=2)
    assert 'resumes after' not in finish(whole, 'second', **other)
    meta = torch.load(whole / 'run/epoch_3.pth', weights_only=True)['meta']
    assert meta['iter'] == 12 + batches


@pytest.mark.promise(
    'Resuming', 'Other settings are warned of in one line; what does not fit is refused'
)
def test_other_settings_are_warned_of_in_one_line(tmp_path: Path) -> None:
    finish(tmp_path, 'first', train_cfg__max_epochs=2)
    said = finish(tmp_path, 'same', resume=True, train_cfg__max_epochs=2)
    assert 'with other settings' not in said
    options = dict(optim_wrapper__optimizer__lr=0.01, train_dataloader__batch_size=20)
    lines = finish(tmp_path, 'second', resume=True, **options).splitlines()
    (said,) = [line for line in lines if 'with other settings' in line]
    assert (
        'The checkpoint decides: optim_wrapper.optimizer.lr (0.05, not 0.01), the end of ' in said
    )
    assert (
        'This run decides: train_cfg.max_epochs (3, was 2), train_dataloader.batch_size (20, was '
        '10). To train with all settings of this run' in said
    )


# Loads before MMEngine's EMAHook is ready.
FLEXIBLE: dict[str, Any] = dict(runner_type='FlexibleRunner', env_cfg={})
FLEXIBLE['custom_hooks'] = [dict(type='StrictLoadHook')]


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(optim_wrapper__paramwise_cfg=dict(bias_lr_mult=2)), '1 parameter groups with 2 .*{}'),
        (dict(param_scheduler=[dict(type='StepLR', step_size=1)]), 'has 2 schedules.*{}'),
        (
            dict(FLEXIBLE, optim_wrapper__optimizer=dict(_delete_=True, type='AdamW', lr=0.01)),
            "another optim_wrapper.optimizer.type, 'SGD', and this run has 'AdamW'.*{}",
        ),
        (
            dict(FLEXIBLE, custom_hooks=[*FLEXIBLE['custom_hooks'], dict(type='EMAHook')]),
            'EMAHook cannot load a checkpoint under runner_type=FlexibleRunner',
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    finish(tmp_path, 'first', train_cfg__max_epochs=2)
    line = refusal(*go(tmp_path, 'second', resume=True, **options))
    assert re.search(said.format('start from its weights with load_from instead'), line), line


def test_a_checkpoint_that_does_not_tell_its_settings_is_warned_of(tmp_path: Path) -> None:
    finish(tmp_path, 'first', train_cfg__max_epochs=1)
    path = tmp_path / 'run/epoch_1.pth'
    content = torch.load(path, weights_only=True)
    del content['meta']['settings']
    torch.save(content, path)
    said = finish(tmp_path, 'second', resume=True, train_cfg__max_epochs=2)
    assert 'does not tell the settings' in said


def test_load_from_an_interrupted_run_starts_a_full_epoch(tmp_path: Path) -> None:
    assert go(tmp_path / 'half', 'first', at=9)[0] == EXIT_CODE
    start = dict(load_from=str(tmp_path / 'half/run/preempted.pth'), train_cfg__max_epochs=1)
    finish(tmp_path / 'whole', custom_hooks=[dict(type='StrictLoadHook')], **start)
    saved = torch.load(tmp_path / 'whole/run/epoch_1.pth', weights_only=True)
    assert saved['meta']['iter'] == 6
