"""What a resumed run does as the interrupted one would have done, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from killing import check_equal, config, go, train
from lengths import LONG
from processes import in_fork

from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE


@pytest.mark.parametrize('keep', [-1, 1] if LONG else [1])
def test_a_resumed_run_saves_the_best_epoch_where_no_checkpoint_is_due(
    keep: int, tmp_path: Path
) -> None:
    """The third of five epochs is the best so far; a checkpoint is due after each second one."""
    settings: dict[str, Any] = dict(
        train_cfg__max_epochs=5,
        default_hooks__checkpoint__interval=2,
        keep=keep,
        randomness__seed=2,
    )
    assert go(tmp_path / 'straight', 'all', **settings) == 0
    names = {path.name for path in (tmp_path / 'straight/run').glob('*.pth')}
    assert ('epoch_3.pth' in names) == (keep == -1)
    halves = tmp_path / 'halves'
    code = go(halves, 'first', at=15, **settings)
    assert code == EXIT_CODE
    assert go(halves, 'second', resume=True, **settings) == 0
    check_equal(tmp_path / 'straight', halves)


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
    run: dict[str, Any] = dict(
        train_cfg__max_epochs=8, keep=-1, randomness__seed=2, hooks=[stopper]
    )
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    assert go(straight, 'all', **run) == 0
    names = {path.name for path in (straight / 'run').glob('*.pth')}
    assert names == {'best_dfer_WAR_epoch_3.pth', *(f'epoch_{n}.pth' for n in (1, 2, 3))}
    assert go(halves, 'first', at=at, when=when, number=number, **run) in (EXIT_CODE, -number)
    assert go(halves, 'second', resume=True, **run) == 0
    check_equal(straight, halves)
    # Its last validation was its best, and is not repeated.
    assert go(halves, 'third', resume=True, **run) == 0
    check_equal(straight, halves)


# Fewer batches an epoch, and as many of other clips (six of 11, the last of 5).
@pytest.mark.parametrize('size', [20, 11] if LONG else [11])
def test_another_batch_size_resumes_only_after_an_epoch(size: int, tmp_path: Path) -> None:
    code = go(tmp_path / 'half', 'first', at=9)
    assert code == EXIT_CODE
    assert go(tmp_path / 'half', 'second', resume=True, train_dataloader__batch_size=size) == 1
    said = (tmp_path / 'half/second.txt').read_text()
    batches = -(-60 // size)
    assert 'after 3 of 6 batches of epoch 2, of 10 clips each' in said
    assert f'here an epoch has {batches} of {size}' in said

    assert go(tmp_path / 'whole', 'first', train_cfg__max_epochs=2) == 0
    assert go(tmp_path / 'whole', 'second', resume=True, train_dataloader__batch_size=size) == 0
    meta = torch.load(tmp_path / 'whole/run/epoch_3.pth', weights_only=True)['meta']
    assert meta['iter'] == 12 + batches
    assert 'resumes after' not in (tmp_path / 'whole/second.txt').read_text()


@pytest.mark.promise(
    'Resuming', 'Other settings are warned of in one line; what does not fit is refused'
)
def test_other_settings_are_warned_of_in_one_line(tmp_path: Path) -> None:
    assert go(tmp_path, 'first', train_cfg__max_epochs=2) == 0
    assert go(tmp_path, 'same', resume=True, train_cfg__max_epochs=2) == 0
    assert 'with other settings' not in (tmp_path / 'same.txt').read_text()
    options = dict(optim_wrapper__optimizer__lr=0.01, train_dataloader__batch_size=20)
    assert go(tmp_path, 'second', resume=True, **options) == 0
    (said,) = [
        line
        for line in (tmp_path / 'second.txt').read_text().splitlines()
        if 'with other settings' in line
    ]
    assert (
        'The checkpoint decides: optim_wrapper.optimizer.lr (0.05, not 0.01), the end of ' in said
    )
    assert (
        'This run decides: train_cfg.max_epochs (3, was 2), train_dataloader.batch_size (20, was '
        '10). To train with all settings of this run' in said
    )


def test_mmengines_flexible_runner_warns_of_other_settings_too(tmp_path: Path) -> None:
    # It loads before MMEngine's EMAHook is ready.
    flexible: dict[str, Any] = dict(runner_type='FlexibleRunner', env_cfg={})
    flexible['custom_hooks'] = [dict(type='StrictLoadHook')]
    options = dict(flexible, optim_wrapper__optimizer__lr=0.01)
    assert go(tmp_path, 'first', train_cfg__max_epochs=2, **flexible) == 0
    assert go(tmp_path, 'second', resume=True, **options) == 0
    said = (tmp_path / 'second.txt').read_text()
    assert 'decides: optim_wrapper.optimizer.lr (0.05, not 0.01), the end of the schedule' in said
    assert 'This run decides: train_cfg.max_epochs (3, was 2)' in said
    options['optim_wrapper__optimizer'] = dict(_delete_=True, type='AdamW', lr=0.01)
    assert go(tmp_path, 'third', resume=True, **options) == 1
    said = (tmp_path / 'third.txt').read_text()
    assert (
        "was written with another optim_wrapper.optimizer.type, 'SGD', and this run has 'AdamW'"
        in said
    )
    assert 'Traceback' not in said
    # Its EMAHook loads an average that does not exist yet.
    flexible['custom_hooks'] += [dict(type='EMAHook')]
    assert go(tmp_path, 'fourth', resume=True, **flexible) == 1
    assert 'error: EMAHook cannot load a checkpoint' in (tmp_path / 'fourth.txt').read_text()


def test_a_checkpoint_that_does_not_tell_its_settings_is_warned_of(tmp_path: Path) -> None:
    assert go(tmp_path, 'first', train_cfg__max_epochs=1) == 0
    path = tmp_path / 'run/epoch_1.pth'
    content = torch.load(path, weights_only=True)
    del content['meta']['settings']
    torch.save(content, path)
    # Its checksum is another one now.
    for beside in path.parent.glob('epoch_1.pth?*'):
        beside.unlink()
    assert go(tmp_path, 'second', resume=True, train_cfg__max_epochs=2) == 0
    assert 'does not tell the settings' in (tmp_path / 'second.txt').read_text()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(optim_wrapper__paramwise_cfg=dict(bias_lr_mult=2)), 'has 1 parameter groups with 2'),
        (dict(param_scheduler=[dict(type='StepLR', step_size=1)]), 'has 2 schedules'),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert go(tmp_path, 'first', train_cfg__max_epochs=2) == 0
    assert go(tmp_path, 'second', resume=True, **options) == 1
    log = (tmp_path / 'second.txt').read_text()
    (line,) = [line for line in log.splitlines() if line.startswith('error: ')]
    assert said in line
    assert 'start from its weights with load_from instead' in line
    assert 'Traceback' not in log


def test_load_from_an_interrupted_run_starts_a_full_epoch(tmp_path: Path) -> None:
    assert go(tmp_path / 'half', 'first', at=9) == EXIT_CODE

    def child() -> None:
        cfg = config(tmp_path / 'run')
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        cfg.load_from, cfg.train_cfg.max_epochs = str(tmp_path / 'half/run/preempted.pth'), 1
        train(cfg)

    assert in_fork(child, tmp_path / 'log.txt') == 0
    saved = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert saved['meta']['iter'] == 6
