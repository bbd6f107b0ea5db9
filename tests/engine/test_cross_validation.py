"""Which runs a cross-validation has, how each is started, and which checkpoint is its result."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from dferclip_mm.engine import cross_validation
from dferclip_mm.engine.cross_validation import Programs, Run

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RUN = Run('fold 2', Path('w'), ['--fold', '2'], ['a=1'])


def test_several_gpus_start_the_shell_scripts() -> None:
    programs = Programs(Path('tools'), 'c.py', 4, ['--batch-size', '6'])
    assert programs.train(RUN) == [
        *('tools/dist_train.sh', 'c.py', '4', '--work-dir', 'w', '--resume'),
        *('--batch-size', '6', '--fold', '2', '--cfg-options', 'a=1'),
    ]
    assert programs.test(RUN, Path('b.pth'), Path('r.json')) == [
        *('tools/dist_test.sh', 'c.py', 'b.pth', '4', '--work-dir', 'w', '--fold', '2'),
        *('--cfg-options', 'a=1', 'test_evaluator.save_to=r.json'),
    ]


def test_a_run_that_fails_stops_everything() -> None:
    with pytest.raises(SystemExit, match='fold 2 stopped with exit code 3'):
        cross_validation.start(['sh', '-c', 'exit 3'], 'fold 2')


@pytest.mark.promise('Resuming', '`cross_validate.py` forwards a signal and exits with 75')
@pytest.mark.parametrize(
    'script',
    [
        # A run that saved; torchrun, which ends with 1; and a run that had just finished.
        'exit 75',
        'trap "exit 1" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
        'trap "exit 0" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
    ],
)
def test_a_signal_ends_the_run_and_everything_with_75(script: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        cross_validation.start(['sh', '-c', script], 'fold 2')
    assert end.value.code == 75
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_while_a_run_starts_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def start_late(*args: Any, **settings: Any) -> subprocess.Popen:
        child = start(*args, **settings)
        os.kill(os.getpid(), signal.SIGTERM)
        return child

    monkeypatch.setattr('subprocess.Popen', start_late)
    with pytest.raises(SystemExit) as end:
        cross_validation.start(['sleep', '60'], 'fold 2')
    assert end.value.code == 75


def saving(best: str | list[str] | None) -> Config:
    return Config(dict(default_hooks=dict(checkpoint=dict(save_best=best))))


@pytest.mark.parametrize(
    ('best', 'expected'),
    [
        (['dfer/UAR', 'dfer/WAR'], 'best_dfer_UAR_epoch_2.pth'),
        ('auto', 'best_dfer_WAR_epoch_9.pth'),
    ],
)
def test_the_best_checkpoint_by_the_first_metric_is_the_result(
    best: str | list[str], expected: str, tmp_path: Path
) -> None:
    for age, name in enumerate(['UAR_epoch_10.pth', 'UAR_epoch_2.pth', 'WAR_epoch_9.pth']):
        (tmp_path / f'best_dfer_{name}').touch()
        os.utime(tmp_path / f'best_dfer_{name}', (age, age))
    assert cross_validation.find_checkpoint(tmp_path, saving(best)).name == expected


def test_a_folder_without_a_best_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='save_best=None'):
        cross_validation.find_checkpoint(tmp_path, saving('dfer/WAR'))


def test_the_last_checkpoint_is_the_result_without_save_best(tmp_path: Path) -> None:
    (tmp_path / 'best_left_over.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('run/epoch_3.pth')
    assert cross_validation.find_checkpoint(tmp_path, saving(None)) == Path('run/epoch_3.pth')
    (tmp_path / 'epoch_3.pth').touch()
    moved = cross_validation.find_checkpoint(tmp_path, saving(None))
    assert moved == tmp_path / 'epoch_3.pth'


def test_folds_are_those_of_the_dataset() -> None:
    cfg = Config.fromfile(CONFIGS / 'dferclip_ferv39k.py')
    assert cross_validation.find_folds(cfg, None) == [1]
    with pytest.raises(ValueError, match=r'folds of FERV39kDataset \(1\), found 2'):
        cross_validation.find_folds(cfg, [1, 2])
    cfg = Config.fromfile(CONFIGS / 'dferclip_dfew.py')
    assert cross_validation.find_folds(cfg, None) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ('classes', 'said'),
    [
        (('anger', 'fear'), "expected a class of anger, fear, found 'angr'"),
        (None, r'has no model.cls_head.classes'),
    ],
)
def test_an_unknown_class_cannot_be_left_out(classes: object, said: str) -> None:
    cfg = Config(dict(model=dict(cls_head=dict(classes=classes))))
    with pytest.raises(ValueError, match=said):
        cross_validation.find_classes(cfg, ['angr'])
