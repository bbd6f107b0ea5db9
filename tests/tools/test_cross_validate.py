from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config

from dferclip_mm.evaluation.results import Results

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'cross_validate.py'


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location('cross_validate', TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def in_this_process(
    run_tool: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> list[list[str]]:
    """The folds' programs run in this process; their names and arguments."""
    started: list[list[str]] = []
    real = subprocess.Popen

    def start(command: list[str], *others: Any, **options: Any) -> Any:
        # MMEngine asks the compiler for its version this way, too.
        if command[0] != sys.executable:
            return real(command, *others, **options)
        name = Path(command[1]).stem
        started.append([name, *command[2:]])
        run_tool(name, *command[2:])
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(subprocess, 'Popen', start)
    return started


def test_folds_run_are_summed_up_and_passed_over_the_second_time(
    work_dir: Path,
    run_tool: Callable[..., None],
    toy_config: str,
    in_this_process: list[list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The toy validates and tests with one dict, as the real configs do.
    arguments = (toy_config, '--folds', '1', '3', '--work-dir', 'folds')
    options = ('--cfg-options', 'train_cfg.max_epochs=1')
    run_tool('cross_validate', *arguments, *options)
    printed = capsys.readouterr().out

    assert [command[0] for command in in_this_process] == ['train', 'test', 'train', 'test']
    for fold, command in zip((1, 1, 3, 3), in_this_process, strict=True):
        for part in ('train', 'val', 'test'):
            assert f'{part}_dataloader.dataset.fold={fold}' in command
    folds = [json.loads(Path(f'folds/fold_{n}/test_results.json').read_text()) for n in (1, 3)]
    labels, answers = (
        [clip[key] for fold in folds for clip in fold['clips']] for key in ('label', 'predicted')
    )
    hits = np.mean(np.array(labels) == np.array(answers))
    assert f'WAR {100 * hits:.2f} %   (26 clips)' in printed
    assert Path('folds/confusion_matrix.png').is_file()

    in_this_process.clear()
    run_tool('cross_validate', *arguments, *options)
    assert in_this_process == []
    assert 'fold 3: finished before' in capsys.readouterr().out


def test_mean_and_standard_deviation_over_folds(tool: ModuleType) -> None:
    classes = ('a', 'b')
    truth = np.array([0, 0, 0, 1])
    folds = {
        1: Results(classes, truth, np.array([0, 0, 0, 1])),  # UAR 100, WAR 100
        2: Results(classes, truth, np.array([0, 0, 0, 0])),  # UAR 50, WAR 75
        3: Results(classes, truth, np.array([1, 1, 1, 1])),  # UAR 50, WAR 25
    }
    lines = [line.split() for line in tool.summarize(folds).splitlines()]
    assert ['2', '50.00', '75.00', '4'] in lines
    assert ['mean', '66.67', '66.67'] in lines
    # Deviations (33.3, -16.7, -16.7) and (33.3, 8.3, -41.7), over n - 1 = 2.
    assert ['std', '28.87', '38.19'] in lines
    # All clips: 6 of 9 and 2 of 3 are right.
    assert ['UAR', '66.67', '%', 'WAR', '66.67', '%', '(12', 'clips)'] in lines


def test_several_gpus_go_through_the_distributed_scripts(tool: ModuleType) -> None:
    command = tool.train_command('c.py', 4, Path('w'), ['a=1'])
    assert command[0].endswith('tools/dist_train.sh')
    assert command[1:] == ['c.py', '4', '--work-dir', 'w', '--resume', '--cfg-options', 'a=1']
    command = tool.test_command('c.py', 4, Path('w'), Path('b.pth'), ['a=1'])
    assert command[0].endswith('tools/dist_test.sh')
    assert command[1:] == ['c.py', 'b.pth', '4', '--work-dir', 'w', '--cfg-options', 'a=1']


def test_a_fold_that_fails_stops_everything(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match='fold 2 stopped with exit code 3'):
        tool.run(['sh', '-c', 'exit 3'], 'fold 2')


@pytest.mark.parametrize(
    'script',
    [
        # A run that was asked to end; and torchrun, which says 1, and a run that was just done.
        'exit 75',
        'trap "exit 1" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
        'trap "exit 0" TERM; kill -TERM $PPID; while true; do sleep 0.05; done',
    ],
)
def test_a_fold_that_is_asked_to_end_stops_everything_with_75(
    tool: ModuleType, script: str
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        tool.run(['sh', '-c', script], 'fold 2')
    assert end.value.code == 75
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_while_a_fold_starts_reaches_it(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen

    def start_late(*args: Any, **settings: Any) -> subprocess.Popen:
        child = start(*args, **settings)
        os.kill(os.getpid(), signal.SIGTERM)
        return child

    monkeypatch.setattr('subprocess.Popen', start_late)
    with pytest.raises(SystemExit) as end:
        tool.run(['sleep', '60'], 'fold 2')
    assert end.value.code == 75


def saving(best: str | list[str] | None, **settings: Any) -> Config:
    return Config(dict(default_hooks=dict(checkpoint=dict(save_best=best, **settings))))


@pytest.mark.parametrize(
    ('best', 'settings', 'expected'),
    [
        (['dfer/UAR', 'dfer/WAR'], {}, 'best_dfer_UAR_epoch_2.pth'),
        (['dfer/WAR', 'dfer/UAR'], {}, 'best_dfer_WAR_epoch_9.pth'),
        ('dfer/UAR', {}, 'best_dfer_UAR_epoch_2.pth'),
        ('auto', {}, 'best_dfer_UAR_low_epoch_10.pth'),
        ('dfer/UAR', dict(filename_tmpl='at_{}.ckpt'), 'best_dfer_UAR_at_3.ckpt'),
        ('dfer/UAR', dict(by_epoch=False), 'best_dfer_UAR_iter_7.pth'),
    ],
)
def test_the_best_of_the_first_metric_is_the_result(
    best: str | list[str], settings: dict, expected: str, tool: ModuleType, tmp_path: Path
) -> None:
    names = ['UAR_epoch_1.pth', 'UAR_iter_7.pth', 'UAR_at_3.ckpt', 'UAR_epoch_2.pth']
    names += ['WAR_epoch_9.pth', 'UAR_low_epoch_10.pth']
    for age, name in enumerate(names):
        (tmp_path / f'best_dfer_{name}').touch()
        os.utime(tmp_path / f'best_dfer_{name}', (age, age))
    assert tool.resulting_checkpoint(tmp_path, saving(best, **settings)).name == expected


def test_a_fold_without_a_best_checkpoint_says_what_to_set(
    tool: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match='save_best=None'):
        tool.resulting_checkpoint(tmp_path, saving('dfer/WAR'))


def test_the_last_epoch_is_the_result_where_none_is_chosen(
    tool: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / 'best_left_over.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('run/epoch_3.pth')
    assert tool.resulting_checkpoint(tmp_path, saving(None)) == Path('run/epoch_3.pth')
    (tmp_path / 'epoch_3.pth').touch()
    assert tool.resulting_checkpoint(tmp_path, saving(None)) == tmp_path / 'epoch_3.pth'


def test_folds_are_those_of_the_data_set(tool: ModuleType) -> None:
    configs = Path(__file__).resolve().parents[2] / 'configs'
    cfg = tool.read_config(str(configs / 'dferclip_ferv39k.py'), [])
    assert tool.folds_to_run(cfg, None) == [1]
    with pytest.raises(SystemExit, match='FERV39kDataset has no fold 2, but 1'):
        tool.folds_to_run(cfg, [1, 2])
    cfg = tool.read_config(str(configs / 'dferclip_dfew.py'), [])
    assert tool.folds_to_run(cfg, None) == [1, 2, 3, 4, 5]


CLASSES = ('anger', 'fear', 'neutral')


def write_config(folder: Path, classes: object = CLASSES) -> str:
    path = folder / 'config.py'
    path.write_text(
        f'model = dict(cls_head=dict(classes={classes!r}))\n'
        "default_hooks = dict(checkpoint=dict(save_best='dfer/WAR'))\n"
    )
    return str(path)


def test_one_run_for_each_class_and_a_table_without_uar(
    tmp_path: Path,
    run_tool: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    started: list[list[str]] = []
    real = subprocess.Popen

    def start(command: list[str], *others: Any, **options: Any) -> Any:
        if command[0] != sys.executable:
            return real(command, *others, **options)
        started.append(command)
        folder = Path(command[command.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'best_dfer_WAR_epoch_1.pth').touch()
        number = CLASSES.index(folder.name.removeprefix('without_'))
        clips = [{'label': number, 'predicted': label} for label in (number, 0, 1, number)]
        content = json.dumps({'classes': CLASSES, 'clips': clips})
        for option in command:
            if option.startswith('test_evaluator.save_to='):
                Path(option.partition('=')[2]).write_text(content)
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(subprocess, 'Popen', start)
    config = write_config(tmp_path)
    run_tool('cross_validate', config, '--leave-one-class-out')
    printed = capsys.readouterr().out
    assert len(started) == 6
    for number, name in enumerate(CLASSES):
        for command in started[2 * number : 2 * number + 2]:
            assert f'work_dirs/config_unseen_classes/without_{name}' in command
            for setting in (
                f'train_dataloader.dataset.exclude_classes=["{name}"]',
                f'val_dataloader.dataset.exclude_classes=["{name}"]',
                f'test_dataloader.dataset.include_classes=["{name}"]',
            ):
                assert setting in command
    table = [line.split() for line in printed.splitlines()[-4:]]
    assert table == [
        ['unseen', 'class', 'recall', 'clips'],
        ['anger', '75.00', '4'],
        ['fear', '75.00', '4'],
        ['neutral', '50.00', '4'],
    ]
    assert 'UAR' not in printed

    started.clear()
    run_tool('cross_validate', config, '--leave-one-class-out', 'fear')
    assert started == []
    assert 'without fear: finished before' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('classes', 'chosen', 'said'),
    [
        (CLASSES, 'angr', "'angr' is none of anger, fear, neutral; did you mean 'anger'?"),
        (None, 'anger', r'has no model.cls_head.classes to leave out'),
    ],
)
def test_a_class_that_does_not_exist_cannot_be_left_out(
    tool: ModuleType, tmp_path: Path, classes: object, chosen: str, said: str
) -> None:
    cfg = tool.read_config(write_config(tmp_path, classes), [])
    with pytest.raises(SystemExit, match=said):
        tool.classes_to_leave_out(cfg, [chosen])
