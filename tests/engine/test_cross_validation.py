"""Which runs a cross-validation has, how each is started, and which checkpoint is its result."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from mini_corpora import write_dfew
from mmengine.config import Config
from small_runs import CONFIGS

from dferclip_mm.engine import cross_validation
from dferclip_mm.engine.cross_validation import Programs, Run
from dferclip_mm.engine.options import merge_data_options


def test_several_gpus_start_the_shell_scripts() -> None:
    run = Run('fold 2', Path('w'), 2, ['b=["x"]'])
    programs = Programs(Path('tools'), 'c.py', 4, 'd', 6, ['a=1'])
    assert programs.command('train', run) == [
        *('tools/dist_train.sh', 'c.py', '4', '--work-dir', 'w', '--data-root', 'd', '--fold', '2'),
        *('--resume', '--batch-size', '6', '--cfg-options', 'a=1', 'b=["x"]'),
    ]
    assert programs.command('test', run, ['b.pth']) == [
        *('tools/dist_test.sh', 'c.py', 'b.pth', '4', '--work-dir', 'w'),
        *('--data-root', 'd', '--fold', '2', '--cfg-options', 'a=1', 'b=["x"]'),
        'test_evaluator.save_to=w/test_results.json',
    ]


@pytest.mark.parametrize(
    ('script', 'said'),
    [
        (
            'echo error: no list; echo epilogue; exit 1',
            r'fold 2 failed: no list \(see .*train\.log\)',
        ),
        ('echo first; echo last; exit 3', r'fold 2 failed: last \(see'),
        ('exit 3', r'fold 2 failed: it printed nothing'),
        ('kill -KILL $$', r'fold 2 was killed by signal 9: see .*train\.log'),
    ],
)
def test_a_run_that_fails_ends_everything_with_the_cause(
    script: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / 'train.log').write_text('error: of an earlier run\n')
    with pytest.raises(SystemExit, match=said):
        cross_validation.start(['sh', '-c', script], Run('fold 2', tmp_path), 'train.log')


@pytest.mark.promise('Resuming', '`cross_validate.py` forwards a signal and exits with 75')
@pytest.mark.parametrize(
    'script',
    [
        # A run that saved; Ctrl-C, which it gets itself; torchrun, which ends with 1; and a run
        # that had just finished.
        'exit 75',
        'kill -INT $PPID; sleep 0.1; exit 1',
        'trap "exit 1" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
        'trap "exit 0" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
    ],
)
def test_a_signal_ends_the_run_and_everything_with_75(script: str, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        cross_validation.start(['sh', '-c', script], Run('fold 2', tmp_path), 'train.log')
    assert end.value.code == 75
    assert signal.getsignal(signal.SIGTERM) is before


def saving(best: str | list[str] | None) -> Config:
    return Config(dict(default_hooks=dict(checkpoint=dict(save_best=best))))


@pytest.mark.parametrize(
    ('best', 'expected'),
    [
        (['dfer/UAR', 'dfer/WAR'], 'best_dfer_UAR_epoch_2.pth'),
        ('auto', 'best_dfer_WAR_epoch_9.pth'),
        (None, 'epoch_3.pth'),
    ],
)
def test_the_best_checkpoint_by_the_first_metric_or_else_the_last_is_the_result(
    best: str | list[str] | None, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match='save_best=None'):
        cross_validation.find_checkpoint(tmp_path, saving('dfer/WAR'))
    for age, name in enumerate(['UAR_epoch_10.pth', 'UAR_epoch_2.pth', 'WAR_epoch_9.pth']):
        (tmp_path / f'best_dfer_{name}').touch()
        os.utime(tmp_path / f'best_dfer_{name}', (age, age))
    (tmp_path / 'last_checkpoint').write_text('run/epoch_3.pth')
    assert cross_validation.find_checkpoint(tmp_path, saving(best)).name == expected


@pytest.mark.parametrize(('name', 'folds'), [('ferv39k', [1]), ('dfew', [1, 2, 3, 4, 5])])
def test_folds_are_those_of_the_dataset(name: str, folds: list[int]) -> None:
    cfg = Config.fromfile(CONFIGS / f'dferclip_{name}.py')
    assert cross_validation.find_folds(cfg) == folds


@pytest.mark.parametrize('wrapped', [False, True])
def test_a_dataset_of_mmaction2_is_refused_since_it_has_no_folds(wrapped: bool) -> None:
    dataset = dict(type='VideoDataset', ann_file='l.txt')
    if wrapped:
        dataset = dict(type='ConcatDataset', datasets=[dataset])
    cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
    with pytest.raises(ValueError, match=r'VideoDataset of test_dataloader reads one list'):
        cross_validation.find_folds(cfg)
    with pytest.raises(ValueError, match=r'needs a test_dataloader'):
        cross_validation.find_folds(Config(dict(test_dataloader=None)))


def test_what_the_runs_need_is_checked_before_the_first(tmp_path: Path) -> None:
    cfg = Config.fromfile(CONFIGS / 'dferclip_dfew.py')
    merge_data_options(cfg, data_root=str(write_dfew(tmp_path)))
    complete = Run('fold 1', tmp_path, 1)
    cross_validation.check_runs(cfg, [complete])
    said = r'list of fold 2 \(train\) at .*set_2\.csv.*; the other folds run with --folds 1$'
    with pytest.raises(FileNotFoundError, match=said):
        cross_validation.check_runs(cfg, [complete, Run('fold 2', tmp_path, 2)])
    misspelt = Run('without angr', tmp_path, 1, cross_validation.settings_without('angr'))
    with pytest.raises(ValueError, match=r"'angr' is not a class: did you mean 'anger'"):
        cross_validation.check_runs(cfg, [misspelt])
    cfg.test_evaluator = dict(type='AccMetric')
    with pytest.raises(ValueError, match=r"set test_evaluator=dict\(type='RecallMetric'\)"):
        cross_validation.check_runs(cfg, [complete])
