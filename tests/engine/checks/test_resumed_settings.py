"""What differs between a checkpoint and the run that resumes it, and what does not fit."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import MultiStepLR

from dferclip_mm.engine.checks.resumed_settings import (
    check_optimizer,
    check_unchanged,
    describe_changes,
    find_other_ends,
    find_settings,
    merge_settings,
)

SETTINGS = dict(
    model=dict(type='M', neck=dict(type='N'), head=None),
    train_dataloader=dict(batch_size=10, num_workers=0, dataset=dict(data_root='/a')),
    optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=dict(custom_keys={'a.b': dict(lr_mult=1)})
    ),
    param_scheduler=[dict(type='CosineAnnealingLR', T_max=3)],
    randomness=dict(seed=0),
)


def settings(processes: int = 1, **changes: Any) -> dict[str, str]:
    cfg = Config(deepcopy(SETTINGS))
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in changes.items()})
    return find_settings(cfg, processes)


def test_what_cannot_matter_is_not_told() -> None:
    changes = dict(work_dir='b', resume=True, log_level='DEBUG', mine=2)
    loader = dict(train_dataloader__num_workers=4, train_dataloader__dataset__data_root='/moved')
    assert describe_changes(settings(), settings(**changes, **loader)) is None


def test_the_checkpoint_decides_on_what_it_stores_and_the_run_on_the_rest() -> None:
    now = settings(
        processes=2,
        optim_wrapper__optimizer__lr=0.2,
        optim_wrapper__optimizer__momentum=0.9,
        param_scheduler=[dict(type='CosineAnnealingLR', T_max=5)],
        randomness__seed=1,
        train_dataloader__batch_size=20,
        model__neck=None,
    )
    said = describe_changes(settings(), now)
    assert said is not None
    stored, own = said.split('. This run decides: ')
    assert stored.endswith(
        'The checkpoint decides: optim_wrapper.optimizer.lr (0.1, not 0.2), '
        'optim_wrapper.optimizer.momentum (unset, not 0.9), param_scheduler.0.T_max (3, not 5), '
        'randomness.seed (0, not 1)'
    )
    assert own.startswith(
        "model.neck.type (unset, was 'N'), processes (2, was 1), "
        'train_dataloader.batch_size (20, was 10)'
    )
    assert 'load_from' in own
    # What the run goes on with: again resumed, only what the first checkpoint decided differs.
    again = describe_changes(merge_settings(settings(), now), now)
    assert again is not None
    assert again.startswith(f'{stored}. To train')


def optimizer(kind: type = torch.optim.SGD, groups: int = 1, size: int = 2, **options: Any) -> Any:
    """After a step, so that it has a state."""
    parameters = [torch.nn.Parameter(torch.ones(size, 3)) for _ in range(groups)]
    made = kind([dict(params=[each]) for each in parameters], lr=0.1, **options)
    sum(each.sum() for each in parameters).backward()
    made.step()
    return made


@pytest.mark.parametrize(
    ('kind', 'options'),
    # Adafactor's factored state has other shapes than the parameters.
    [(torch.optim.SGD, dict(momentum=0.9)), (torch.optim.AdamW, {}), (torch.optim.Adafactor, {})],
)
def test_an_optimizer_that_fits_is_accepted(kind: type, options: dict[str, Any]) -> None:
    check_optimizer(optimizer(kind, **options), optimizer(kind, **options).state_dict(), 'a.pth')


@pytest.mark.parametrize(
    ('stored', 'said'),
    [
        (optimizer(groups=2), r'2 parameter groups with 2 parameters.* has 1 with 1'),
        (optimizer(torch.optim.AdamW), r'another optimizer than SGD'),
        (optimizer(momentum=0.9, size=4), r'momentum_buffer of parameter 0 .*\(4, 3\).*\(2, 3\)'),
        ({}, 'no optimizer state'),
    ],
)
def test_an_optimizer_that_does_not_fit_is_refused_with_the_remedy(stored: Any, said: str) -> None:
    content = stored if isinstance(stored, dict) else stored.state_dict()
    with pytest.raises(ValueError, match=f'^a.pth .*{said}.*load_from'):
        check_optimizer(optimizer(momentum=0.9), content, 'a.pth')


def test_another_kind_of_optimizer_or_best_score_is_refused() -> None:
    """Adam and AdamW have the same state; that of AdamW would switch Adam to its decay."""
    adam, adamw = (
        settings(optim_wrapper__optimizer__type=kind) for kind in ('Adam', torch.optim.AdamW)
    )
    with pytest.raises(ValueError, match=r"^a.pth .*another optim.*AdamW.*has 'Adam': .*load_from"):
        check_unchanged(adamw, adam, 'a.pth')
    check_unchanged(settings(optim_wrapper__optimizer__type='AdamW'), adamw, 'a.pth')
    war, uar = (
        settings(default_hooks__checkpoint__save_best=name) for name in ('dfer/WAR', 'dfer/UAR')
    )
    with pytest.raises(ValueError, match=r'another default_hooks.checkpoint.save_best, .*UAR'):
        check_unchanged(war, uar, 'a.pth')
    listed = settings(default_hooks__checkpoint__save_best=['dfer/UAR'])
    for same in (settings(), listed):
        check_unchanged(same, uar, 'a.pth')


def test_schedules_that_do_not_fit_are_refused_and_other_ends_are_told() -> None:
    schedulers = [MultiStepLR(optimizer(), milestones=[1])]
    stored = [schedulers[0].state_dict()]
    assert find_other_ends(schedulers, stored, 'a.pth') == []
    (said,) = find_other_ends(schedulers, [{**stored[0], 'end': 3}], 'a.pth')
    assert said.startswith('the end of the schedule param_scheduler.0 (step 3, not ')
    assert said in str(describe_changes(settings(), settings(), ends=[said]))
    for other in ([], [*stored, *stored], None, [{**stored[0], 'T_max': 3}]):
        with pytest.raises(ValueError, match=r'^a.pth .*param_scheduler.*load_from'):
            find_other_ends(schedulers, other, 'a.pth')
