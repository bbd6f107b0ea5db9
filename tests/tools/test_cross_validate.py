"""tools/cross_validate.py: its runs are summarised, and finished ones are skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

CLASSES = ('anger', 'fear', 'neutral')
# Labels and predictions of each run: UAR and WAR of 100 and 100, 50 and 75, 50 and 25.
ANSWERS = {1: [(0, 0)] * 3 + [(1, 1)], 2: [(0, 0)] * 3 + [(1, 0)], 3: [(0, 1)] * 3 + [(1, 1)]}

Commands = list[list[str]]


@pytest.fixture
def started(fake_programs: Callable[..., Commands]) -> Commands:
    """The programs that are started."""

    def find_results(command: list[str]) -> dict:
        kind, _, name = Path(command[command.index('--work-dir') + 1]).name.partition('_')
        if kind == 'fold':
            answers = ANSWERS[int(name)]
        else:
            unseen = CLASSES.index(name)
            answers = [(unseen, label) for label in (unseen, 0, 1, unseen)]
        clips = [dict(zip(('label', 'predicted'), answer, strict=True)) for answer in answers]
        return {'classes': CLASSES, 'clips': clips}

    Path('config.py').write_text(
        "custom_imports = dict(imports=['small_parts'])\n"
        f'model = dict(cls_head=dict(classes={CLASSES!r}))\n'
        "data = dict(dataset=dict(type='ToyPoints', data_root='d', fold=1))\n"
        'train_dataloader = val_dataloader = test_dataloader = data\n'
        "test_evaluator = dict(type='RecallMetric')\n"
        "default_hooks = dict(checkpoint=dict(save_best='dfer/WAR'))\n"
    )
    return fake_programs(find_results)


def test_folds_are_summarised_and_skipped_the_second_time(
    started: Commands, run_tool: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ('config.py', '--folds', '1', '2', '3', '--data-root', 'e', '--batch-size', '4')
    run_tool('cross_validate', *arguments)
    printed = capsys.readouterr().out
    assert [command[0] for command in started] == ['train.py', 'test.py'] * 3
    for fold, command in zip((1, 1, 2, 2, 3, 3), started, strict=True):
        assert f'--data-root e --fold {fold}' in ' '.join(command)
    folder = Path('work_dirs/config_folds')
    assert printed.splitlines()[:6] == [
        f'fold 1: output in {folder}/fold_1/train.log',
        f'fold 1: output in {folder}/fold_1/test.log',
        'fold 1: UAR 100.00, WAR 100.00, clips 4',
        f'fold 2: output in {folder}/fold_2/train.log',
        f'fold 2: output in {folder}/fold_2/test.log',
        'fold 2: UAR 50.00, WAR 75.00, clips 4',
    ]
    lines = [line.split() for line in printed.splitlines()]
    assert ['2', '50.00', '75.00', '4'] in lines
    # Deviations (33.3, -16.7, -16.7) and (33.3, 8.3, -41.7), over n - 1 = 2.
    assert ['mean', '66.67', '66.67'] in lines
    assert ['std', '28.87', '38.19'] in lines
    # Of all clips, 6 of 9 and 2 of 3 are right.
    assert ['UAR', '66.67', '%', 'WAR', '66.67', '%', '(12', 'clips)'] in lines
    assert (folder / 'confusion_matrix.png').is_file()
    rows = json.loads((folder / 'cross_validation.json').read_text())['rows']
    assert rows[1] == {'fold': '2', 'UAR': 50.0, 'WAR': 75.0, 'clips': 4}
    assert rows[4] == {'fold': 'std', 'UAR': pytest.approx(28.8675), 'WAR': pytest.approx(38.1881)}
    assert (rows[5]['fold'], rows[5]['clips']) == ('all clips', 12)
    table = (folder / 'cross_validation.csv').read_text().splitlines()
    assert [table[0], table[2]] == ['fold,UAR,WAR,clips', '2,50.0,75.0,4']

    started.clear()
    run_tool('cross_validate', *arguments)
    assert started == []
    assert 'fold 3: finished before' in capsys.readouterr().out


def test_the_folds_that_ended_are_summarised_when_one_fails(
    started: Commands,
    run_tool: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(ANSWERS, 2)
    with pytest.raises(KeyError):
        run_tool('cross_validate', 'config.py')
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines()]
    assert '1 of 5 runs have ended:' in printed
    assert ['1', '100.00', '100.00', '4'] in lines
    assert ['mean', '100.00', '100.00'] in lines


def test_leaving_classes_out_has_a_table_without_uar(
    started: Commands, run_tool: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run_tool('cross_validate', 'config.py', '--leave-one-class-out', '--folds', '2')
    printed = capsys.readouterr().out
    assert len(started) == 6
    for number, name in enumerate(CLASSES):
        for command in started[2 * number : 2 * number + 2]:
            words = f'--work-dir work_dirs/config_unseen_classes/without_{name} --fold 2'
            assert words in ' '.join(command)
            assert {
                f'train_dataloader.dataset.exclude_classes=["{name}"]',
                f'val_dataloader.dataset.exclude_classes=["{name}"]',
                f'test_dataloader.dataset.include_classes=["{name}"]',
            } <= {*command}
    folder = Path('work_dirs/config_unseen_classes')
    assert (folder / 'cross_validation.csv').read_text().splitlines() == [
        'unseen class,recall,clips',
        'anger,75.0,4',
        'fear,75.0,4',
        'neutral,50.0,4',
    ]
    assert ['neutral', '50.00', '4'] in [line.split() for line in printed.splitlines()]
    assert 'UAR' not in printed


def test_the_commands_are_those_that_train_and_test(
    work_dir: Path,
    programs_here: None,
    run_tool: Callable[..., None],
    toy_config: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ('--cfg-options', 'train_cfg.max_epochs=1')
    run_tool('cross_validate', toy_config, '--folds', '3', '--work-dir', 'folds', *options)
    clips = json.loads(Path('folds/fold_3/test_results.json').read_text())['clips']
    hits = sum(clip['label'] == clip['predicted'] for clip in clips)
    assert f'WAR {100 * hits / 13:.2f} %   (13 clips)' in capsys.readouterr().out
